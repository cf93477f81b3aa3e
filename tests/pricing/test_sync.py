"""`pricing sync`: two lists into one catalogue, and nothing is ever lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from llmscope.errors import UsageError
from llmscope.pricing.catalogue import CATALOGUE_FILE, read_catalogue, write_catalogue
from llmscope.pricing.entry import Entry, Price
from llmscope.pricing.figures import flat
from llmscope.pricing.sync import run_sync
from llmscope.pricing.sync.dated import DatedModel
from llmscope.pricing.sync.merge import merge

TODAY = date(2026, 11, 1)


def cost(usd: str, starts: datetime | None = None, source: str = "genai-prices 1") -> Price:
    return Price({"input": flat(Decimal(usd)), "output": flat(Decimal(usd))}, starts, source=source, as_of=TODAY)


def listed(*prices: Price, host: str = "lab", name: str = "m", aliases: tuple[str, ...] = ()) -> Entry:
    return Entry(host, name, prices, aliases, datetime(2025, 5, 22))


def dated(*prices: Price, host: str = "lab", name: str = "m") -> DatedModel:
    return DatedModel(host, name, prices, datetime(2025, 6, 1), frozenset())


def merged(entry: Entry, model: DatedModel) -> tuple[dict[str, Entry], list[str]]:
    entries, conflicts = merge([entry], [model], lambda host, name: None, TODAY, date(2026, 10, 26))
    return {e.key: e for e in entries}, [c.key for c in conflicts]


def figures(entry: Entry) -> list[tuple[datetime | None, str]]:
    return [(p.starts, str(p.figures["input"][0][1])) for p in entry.prices]


def test_history_comes_from_the_dated_list() -> None:
    """Both say 2 today; the dated list knows that it was 5 until March: the day and the 5 are kept."""
    march = datetime(2026, 3, 1)
    found, conflicts = merged(listed(cost("2")), dated(cost("5", None, "d"), cost("2", march, "d")))

    assert figures(found["lab/m"])[-2:] == [(datetime(2025, 6, 1), "5"), (march, "2")]
    assert conflicts == []


def test_todays_disagreement_is_a_conflict() -> None:
    """The dated list's figure stands, and the case is listed."""
    found, conflicts = merged(listed(cost("2")), dated(cost("3", None, "d")))

    assert figures(found["lab/m"])[-1] == (datetime(2025, 6, 1), "3")
    assert conflicts == ["lab/m"]


def test_a_name_that_moved_gets_its_own_entry() -> None:
    """m-latest, an alias of m in one list, has another price in the other: it leaves m."""
    entry = listed(cost("2"), aliases=("m-latest", "m-1"))
    found, _ = merged(entry, dated(cost("1", None, "d"), name="m-latest"))

    assert found["lab/m"].aliases == ("m-1",)
    assert figures(found["lab/m-latest"])[-1][1] == "1"


def test_a_late_commit_is_not_another_price() -> None:
    """The lists differ for ten days beside one change: the day of the list that has a day stands."""
    change, commit = datetime(2026, 3, 1), datetime(2026, 3, 11)
    found, _ = merged(listed(cost("5"), cost("2", change)), dated(cost("5", None, "d"), cost("2", commit, "d")))

    assert [f for f in figures(found["lab/m"]) if f[0]][-1] == (change, "2")


def test_a_reseller_is_left_as_it_is() -> None:
    """Bedrock's prices are those of the list that knows Bedrock."""
    found, conflicts = merged(listed(cost("2"), host="aws"), dated(cost("3", None, "d"), host="aws"))

    assert figures(found["aws/m"]) == [(None, "2")]
    assert conflicts == []


def test_sync_keeps_what_vanished(tmp_path: Path) -> None:
    """A model that is in no list any more is retired with its last price, and the diff says so."""
    path = tmp_path / CATALOGUE_FILE
    write_catalogue(path, [listed(cost("2"), host="gone", name="old-1")])
    done = run_sync("model-prices", tmp_path)
    kept = read_catalogue(path).find("gone", "old-1")

    assert kept is not None
    assert kept.retired is not None
    assert ("retired", "gone/old-1") in {(c.what, c.key) for c in done.changes}
    assert not run_sync("model-prices", tmp_path).changes


def test_sync_dates_a_price_that_changed(tmp_path: Path) -> None:
    """An undated price that differs from last time becomes a dated one after the old."""
    source = tmp_path / "new" / CATALOGUE_FILE
    source.parent.mkdir()
    write_catalogue(tmp_path / CATALOGUE_FILE, [listed(cost("2"))])
    write_catalogue(source, [listed(cost("1"))])
    run_sync(str(source), tmp_path)
    entry = read_catalogue(tmp_path / CATALOGUE_FILE).find("lab", "m")

    assert entry is not None
    assert [usd for _, usd in figures(entry)] == ["2", "1"]
    assert entry.prices[1].starts is not None


def test_sync_of_no_such_file(tmp_path: Path) -> None:
    """A misspelt list is answered with the nearest."""
    with pytest.raises(UsageError) as caught:
        run_sync("genai-price", tmp_path)

    assert caught.value.hint == "did you mean genai-prices?"


def test_round_trip_of_an_entry(tmp_path: Path) -> None:
    """What is written is what is read."""
    entry = replace(listed(cost("2"), cost("1", datetime(2026, 1, 1, 3)), aliases=("x",)), origin=CATALOGUE_FILE)
    write_catalogue(tmp_path / CATALOGUE_FILE, [entry])

    assert read_catalogue(tmp_path / CATALOGUE_FILE).entries() == [entry]
