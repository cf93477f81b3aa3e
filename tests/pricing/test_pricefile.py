"""pricing.toml is read strictly: what is not understood says where."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from llmscope.errors import UsageError
from llmscope.pricing.pricefile import parse_pricefile, read_pricefile

GOOD = '[models."a/b"]\ninput = 1\noutput = 2\n'
ROOT = Path(__file__).parents[2]


def test_shipped_file_is_exact() -> None:
    """The four founding models, in exact decimals, priced from ever since."""
    read = read_pricefile(ROOT / "pricing.toml")
    haiku = next(e for e in read.entries if e.key == "anthropic/claude-3-5-haiku")

    assert len(read.entries) == 4
    assert haiku.prices[0].figures["input"] == ((0, Decimal("0.80")),)
    assert haiku.prices[0].tiers["batch"]["output"] == ((0, Decimal("2.000")),)


def test_commented_full_form_is_valid() -> None:
    """The documentation in pricing.toml's comments is itself a price file."""
    lines = (ROOT / "pricing.toml").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith('# [models."example'))
    text = "\n".join(line[2:] for line in lines[start:] if not line.startswith("# ----") and "also" not in line.lower())
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("(USD", "not said")))
    read = parse_pricefile("schema = 1\n" + text)

    assert [entry.key for entry in read.entries] == ["example/pro-1"]
    assert read.aliases[0].use == "openai/gpt-4o-2024-08-06"
    assert read.discounts[0].multiplier == Decimal("0.92")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[models."a/b"]\nouput = 2\ninput = 1\n', "p.toml:3: [models.\"a/b\"] unknown key 'ouput'", "'output'"),
        ("[default]\n", "unknown key 'default'", "'defaults'"),
        ('[models."a/b"]\ninput = 1\n', "output is missing", "output = 0"),
        ('[models."a/b"]\noutput = 1\n', "input is missing", None),
        ('[models."a/b"]\ninput = 0.0000008\noutput = 4\n', "not plausible", "did you mean 0.8?"),
        ('[models."a/b"]\ninput = 0.0008\noutput = 0.004\n', "not plausible", "input = 0.8, output = 4"),
        ('[models."a/b"]\ninput = 5000\noutput = 4\n', "not plausible", "per 1,000,000"),
        ('[models."a/b"]\ninput = "1"\noutput = 4\n', "input must be a number", None),
        ('[models."a/b"]\ninput = -1\noutput = 4\n', "0 or more", None),
        ('[models."a/b"]\ninput = inf\noutput = 4\n', "finite", None),
        ('[models."a/b"]\naliases = ["x-*"]\ninput = 1\noutput = 4\n', "is a pattern", "[[alias]]"),
        (GOOD + '[models."a/c"]\naliases = ["B"]\ninput = 1\noutput = 4\n', "'b' is a name of a/b and of a/c", None),
        ('[models."a/b"]\ninput = 1\n[[models."a/b".price]]\ninput = 1\noutput = 1\n', "beside a list", None),
        ('[models."a/b"]\nprice = []\n', "price must be a list", None),
        ('[models."a/*"]\ninput = 1\noutput = 1\n', "free = true", None),
        (GOOD + "batch = { multiplier = 0 }\n", "over 0", None),
        (GOOD + "batch = { multiplier = 0.5, input = 1 }\n", "give one", None),
        (GOOD + "batch = { multiplyer = 0.5 }\n", "unknown key 'multiplyer'", "'multiplier'"),
        (GOOD + "above = [{ input = 3 }]\n", "input_tokens", None),
        (GOOD + "above = [{ input_tokens = 9, input = 3 }, { input_tokens = 8, input = 3 }]\n", "small to large", None),
        (GOOD + 'peak = { multiplier = 2, utc = ["25:00-26:00"] }\n', "not two times", None),
        (GOOD + 'peak = { multiplier = 2, utc = ["01:00-02:00"], weekdays = "mo-fr" }\n', "mon-fri", None),
        (GOOD + 'as_of = "2026-01-01"\n', "without quotes", None),
        ('[[alias]]\nmatch = "x"\n', "use is missing", None),
        ("[[discount]]\nmultiplier = 92\n", "not a factor", "0.92"),
        ('[defaults]\nextends = "bundeld"\n', 'extends must be "bundled" or "none"', "'bundled'"),
    ],
)
def test_refusals(text: str, message: str, hint: str | None) -> None:
    """Each mistake is refused with the file, the model and what to do."""
    with pytest.raises(UsageError) as caught:
        parse_pricefile("schema = 1\n" + text, "p.toml")

    assert caught.value.exit_code == 2
    assert caught.value.message.startswith("p.toml")
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_dates_must_be_in_order() -> None:
    """A later price listed first is refused, and so is a second one without a date."""
    price = '[[models."a/b".price]]\n{}input = 1\noutput = 1\n'
    for first, second in (("from = 2026-02-01\n", "from = 2026-01-01\n"), ("", "")):
        with pytest.raises(UsageError, match="date"):
            parse_pricefile("schema = 1\n" + price.format(first) + price.format(second))


def test_bad_toml_says_the_line() -> None:
    """tomllib's own line and column."""
    with pytest.raises(UsageError, match="line 2"):
        parse_pricefile("schema = 1\n[models\n", "p.toml")


def test_schema_is_required() -> None:
    """A file of another version is not guessed at."""
    with pytest.raises(UsageError, match="schema must be 1"):
        parse_pricefile("schema = 2\n")
