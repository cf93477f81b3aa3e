"""`llmscope pricing unpriced`: who has no price, and what to write."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from tests.commands.conftest import HOSTILE, RECORDS, Run


def pasted(run: Run, *arguments: str) -> str:
    """The lines that are offered for pricing.toml."""
    part = run("pricing", "unpriced", *arguments, "-f", "json").json["parts"]["to paste"]
    return "\n".join(row["pricing.toml"] for row in part["rows"]) + "\n"


def test_rows_and_coverage(run: Run, log: Path) -> None:
    """The model, how often and how much it was used, and why it has no price."""
    ran = run("pricing", "unpriced", "tiny.jsonl", "-f", "json")

    assert [(r["model"], r["requests"], r["input_tokens"], r["output_tokens"]) for r in ran.rows] == [
        ("in-house-7b", 2, 80, 8)
    ]
    assert ran.rows[0]["first_seen"] == ran.rows[0]["last_seen"] == "2026-10-02T00:00:00Z"
    assert (ran.json["coverage"]["requests"], ran.json["coverage"]["priced_requests"]) == (4, 2)
    assert ran.json["coverage"]["priced_tokens_ratio"] == 3300 / 3388


def test_what_is_pasted_prices_the_model(run: Run, log: Path) -> None:
    """With its figures filled in, the stanza gives the model a price; without them it is no TOML at all."""
    offered = pasted(run, "tiny.jsonl")
    filled = offered.replace('"FILL_IN"', '"me"').replace("FILL_IN", "1.0")
    (log.parent / "mine.toml").write_text("schema = 1\n" + filled)
    ran = run("pricing", "unpriced", "tiny.jsonl", "--pricing", "mine.toml", "-f", "json")

    assert "FILL_IN" in offered
    assert ran.rows == []
    assert ran.json["notes"] == ["every request that used tokens has a price"]
    assert run("cost", "tiny.jsonl", "--pricing", "mine.toml", "--min-coverage", "100").code == 0


def test_hostile_names(run: Run, tmp_path: Path) -> None:
    """A model's name cannot leave its quotes: what is pasted is that one key."""
    name = f'x"]\ninput = 0\n[models."y{HOSTILE}\\'
    (tmp_path / "x.jsonl").write_text(json.dumps({**RECORDS[2], "model": name}) + "\n")
    offered = pasted(run, "x.jsonl")
    filled = offered.replace('"FILL_IN"', '"me"').replace("FILL_IN", "1.0")

    assert offered.isascii()
    assert list(tomllib.loads(filled)["models"]) == [name.rpartition("/")[2] if "/" in name else name]


def test_models_without_a_name(run: Run, tmp_path: Path) -> None:
    """A request that names no model gets --map as its remedy, not a price."""
    (tmp_path / "x.jsonl").write_text('{"prompt_tokens": 5, "completion_tokens": 1, "id": "a"}\n')
    ran = run("pricing", "unpriced", "x.jsonl", "-f", "json")

    assert ran.json["parts"] == {}
    assert any("--map model=KEY" in note for note in ran.json["notes"])


def test_top_and_store(run: Run, store: Path) -> None:
    """It asks the store too; --top bounds the rows and takes a count."""
    assert len(run("pricing", "unpriced", "--top", "1", "-f", "json").rows) == 1
    assert run("pricing", "unpriced", "--top", "0").code == 2
    assert run("pricing", "unpriced", "--min-coverage", "90").code == 4
