"""OpenRouter's activity export."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmscope.errors import LlmscopeError
from llmscope.sources import Sample, openrouter
from tests.sources.loading import Loaded, loaded

ACTIVITY = Path(__file__).parent / "fixtures" / "openrouter" / "activity.csv"


def rows() -> list[dict[str, str]]:
    with ACTIVITY.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def sample(*given: dict[str, Any]) -> Sample:
    return Sample("x", "csv", given, dict.fromkeys((k for r in given for k in r), "VARCHAR"))


def check(found: Loaded) -> None:
    file = found.file
    assert (file.source, file.lines, file.loaded, file.duplicates) == ("openrouter", 6, 5, 1)
    # 1200 + (50 and 2000 cached beside them) + 30 + 100; "many" is no count.
    assert found.total("input_tokens") == 1200 + 2050 + 30 + 100
    assert found.total("output_tokens") == 80 + 120 + 4 + 50
    assert found.total("cache_read_tokens") == 1024 + 2000
    assert found.total("reasoning_tokens") == 32
    assert found.total("cost_logged_usd") == pytest.approx(0.00252 + 0.0041 + 0.0001)


def test_every_line_is_accounted_for() -> None:
    found = loaded(ACTIVITY)
    check(found)
    assert any("byok_usage_inference" in note for note in found.file.notes)


def test_a_streamed_generation() -> None:
    assert loaded(ACTIVITY).requests[0] == {
        "request_id": "gen-1", "response_id": "gen-1", "user_id": "u-1", "feature": "Shop",
        "metadata": {"api_key_name": "shop key", "variant": "standard", "app_name": "Shop"}, "operation": "chat",
        # Azure hosted what OpenAI makes.
        "provider": "azure.ai.openai", "request_model": "openai/gpt-4o-2024-08-06", "model": "gpt-4o-2024-08-06",
        "started_at": datetime(2026, 9, 2, 8, 0, 0, 250000), "latency_ms": 1500.0, "ttft_ms": 320.0, "stream": True,
        "input_tokens": 1200, "output_tokens": 80, "cache_read_tokens": 1024, "reasoning_tokens": 32,
        "finish_reason": "stop", "finish_reason_raw": "stop", "refusal": False, "status": "ok",
        "cost_logged_usd": 0.00252, "usage_semantics": "guessed", "timing_quality": "measured",
        "source_format": "openrouter",
    }  # fmt: skip


def test_others() -> None:
    found = {r["request_id"]: r for r in loaded(ACTIVITY).requests}
    plain = found["gen-2"]
    assert "ttft_ms" not in plain
    assert plain["usage_semantics"] == "exclusive_fixed"
    assert (plain["finish_reason"], plain["finish_reason_raw"]) == ("length", "max_tokens")
    cut = found["gen-3"]
    assert (cut["status"], cut["error_class"], cut["feature"]) == ("cancelled", "cancelled", "=1+1|<script>")
    assert (cut["request_model"], cut["provider"]) == ("deepseek/deepseek-chat-v3:free", "deepinfra")
    broken = found["gen-5"]
    assert broken["status"] == "error"
    assert broken["provider"] == "together"
    assert not {"started_at", "input_tokens", "cost_logged_usd", "latency_ms"} & broken.keys()


def test_the_other_order_of_columns_and_json(tmp_path: Path) -> None:
    names = [*sorted(rows()[0]), "num_search_results"]
    table = tmp_path / "a.csv"
    with table.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows(rows())
    check(loaded(table))
    lines = tmp_path / "a.json"
    lines.write_text(json.dumps({"data": rows()}), encoding="utf-8")
    check(loaded(lines))


def test_detection_and_the_missing_key() -> None:
    assert openrouter.detect(sample(rows()[0]))
    assert not openrouter.detect(sample({"generation_id": "1", "model": "x", "tokens_prompt": 1}))
    assert not openrouter.detect(sample({}))
    with pytest.raises(LlmscopeError, match="tokens_prompt"):
        openrouter.readings(sample({"created_at": "", "model_permaslug": ""}), {})
