"""llmscope answers questions about LLM request logs: `llmscope.open("logs/").cost(by="feature")`."""
