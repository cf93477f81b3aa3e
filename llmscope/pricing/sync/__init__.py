"""Compiles the catalogue from genai-prices and model-prices: the only room that imports them, inside functions."""

from llmscope.pricing.sync.compile import Synced, run_sync

__all__ = ["Synced", "run_sync"]
