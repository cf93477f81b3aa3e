"""One of a thing is singular in what is said."""

import pytest

from llmscope.result import in_number


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("1 requests log no cost and are not compared", "1 request logs no cost and is not compared"),
        ("left out: 1 embeddings, 3 answers", "left out: 1 embedding, 3 answers"),
        ("1,001 requests have", "1,001 requests have"),
        ("11 requests have", "11 requests have"),
        ("0.1 requests", "0.1 requests"),
        ("1 of 1 requests log no latency", "1 of 1 requests log no latency"),
        ("1 requests have no time; 2 spans are late", "1 request has no time; 2 spans are late"),
    ],
)
def test_in_number(said: str, meant: str) -> None:
    """The noun and the verbs of its clause; other numbers are left as they are."""
    assert meant == in_number(said)
