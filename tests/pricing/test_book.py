"""The layers of the price book, and the catalogue under them."""

from __future__ import annotations

import gzip
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from llmscope.errors import UsageError
from llmscope.pricing import PriceBook, price_notes
from llmscope.pricing.catalogue import CATALOGUE_FILE, DATA, Catalogue, bundled_catalogue, compile_text

ROW = 'schema = 1\n[models."openai/gpt-4o"]\ninput = {}\noutput = 9\n'


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def price_of(book: PriceBook, model: str = "gpt-4o") -> str:
    entry = book.resolve("openai", model).entry
    assert entry is not None
    return str(entry.prices[-1].figures["input"][0][1])


def test_order_of_layers(tmp_path: Path) -> None:
    """--pricing over ./pricing.toml over the user's over what ships."""
    work = tmp_path / "work"
    work.mkdir()
    assert price_of(PriceBook.open(start=work)) == "2.5"
    write(tmp_path / "config/llmscope/pricing.toml", ROW.format(3))
    assert price_of(PriceBook.open(start=work)) == "3"
    write(work / "pricing.toml", ROW.format(4))
    assert price_of(PriceBook.open(start=work)) == "4"
    flag = write(tmp_path / "mine.toml", ROW.format(5))
    assert price_of(PriceBook.open(flag, start=work)) == "5"


def test_project_file_at_the_root_of_the_repository(tmp_path: Path) -> None:
    """Found from a folder below."""
    (tmp_path / "repo/.git").mkdir(parents=True)
    write(tmp_path / "repo/pricing.toml", ROW.format(4))
    below = tmp_path / "repo/a/b"
    below.mkdir(parents=True)

    assert price_of(PriceBook.open(start=below)) == "4"


def test_a_whole_entry_is_replaced(tmp_path: Path) -> None:
    """Without inherit, a cached price of the layer below does not shine through; with it, it does."""
    plain = PriceBook.open(write(tmp_path / "a.toml", ROW.format(4)), start=tmp_path).resolve("openai", "gpt-4o").entry
    text = 'schema = 1\n[models."openai/gpt-4o"]\ninherit = true\ninput = 4\n'
    laid = PriceBook.open(write(tmp_path / "b.toml", text), start=tmp_path).resolve("openai", "gpt-4o").entry

    assert plain is not None
    assert laid is not None
    assert "cache_read" not in plain.prices[-1].figures
    assert str(laid.prices[-1].figures["cache_read"][0][1]) == "1.25"
    assert str(laid.prices[-1].figures["input"][0][1]) == "4"
    assert str(laid.prices[-1].figures["output"][0][1]) == "10"


def test_extends_none_stops(tmp_path: Path) -> None:
    """What the file does not list has no price."""
    text = 'schema = 1\n[defaults]\nextends = "none"\n[models."a/b"]\ninput = 1\noutput = 1\n'
    book = PriceBook.open(write(tmp_path / "a.toml", text), start=tmp_path)

    assert book.resolve("openai", "gpt-4o").price_status == "unpriced"
    assert book.resolve("a", "b").price_status == "exact"


def test_alias_to_a_price(tmp_path: Path) -> None:
    """A glob over deployments of one host prices them as another key; another host's are left alone."""
    text = 'schema = 1\n[[alias]]\nmatch = "prod-gpt4o-*"\nprovider = "azure"\nuse = "openai/gpt-4o-2024-08-06"\n'
    book = PriceBook.open(write(tmp_path / "a.toml", text), start=tmp_path)
    found = book.resolve("azure.ai.openai", "prod-gpt4o-eu")

    assert (found.key, found.price_status) == ("openai/gpt-4o", "alias")
    assert book.resolve("groq", "prod-gpt4o-eu").price_status == "unpriced"


def test_alias_to_nothing_is_an_error(tmp_path: Path) -> None:
    """It names the file and what is near."""
    text = 'schema = 1\n[[alias]]\nmatch = "x"\nuse = "openai/gpt-4oo"\n'
    book = PriceBook.open(write(tmp_path / "a.toml", text), start=tmp_path)

    with pytest.raises(UsageError, match="names no price") as caught:
        book.resolve(None, "x")
    assert "gpt-4o" in (caught.value.hint or "")


def test_missing_price_file() -> None:
    """--pricing of a file that is not there."""
    with pytest.raises(UsageError, match="there is no price file"):
        PriceBook.open(Path("/nowhere/prices.toml"))


def test_catalogue_bytes_are_deterministic() -> None:
    """Compiling what was read gives the bytes that ship: sorted, no time in the header."""
    text = compile_text(bundled_catalogue().entries())
    shipped = (DATA / CATALOGUE_FILE).read_bytes()

    assert gzip.decompress(shipped).decode() == text
    assert gzip.compress(text.encode(), 9, mtime=0) == shipped


def test_every_entry_parses_and_is_in_order() -> None:
    """Dates ascend, and a first price stands in every entry."""
    entries = bundled_catalogue().entries()

    assert len(entries) > 2500
    for entry in entries:
        starts = [price.starts or datetime.min for price in entry.prices]
        assert starts == sorted(set(starts)), entry.key


def test_a_named_entry_beats_an_alias() -> None:
    """A name is found at its own entry, whoever else lists it."""
    catalogue = bundled_catalogue()

    for host, name in catalogue.keys():  # noqa: SIM118
        entry = catalogue.find(host, name)
        assert entry is not None
        assert entry.key == f"{host}/{name}"


def test_empty_catalogue_knows_nothing() -> None:
    """A wheel without the data file still runs."""
    empty = Catalogue("")

    assert empty.find("openai", "gpt-4o") is None
    assert empty.entries() == []


def test_stale_note(tmp_path: Path) -> None:
    """Prices older than the limit are named, the others not."""
    book = PriceBook.open(start=tmp_path)
    used = [book.resolve("anthropic", "claude-3-opus"), book.resolve("openai", "gpt-4-turbo")]

    assert price_notes(book, used, date(2027, 3, 21)) == []
    (note,) = price_notes(book, used, date(2027, 3, 22))
    assert note.startswith("2 prices are older than 120 days: anthropic/claude-3-opus (2026-11-21)")


def test_import_is_light() -> None:
    """Neither the price lists nor an engine are imported to price."""
    heavy = ["duckdb", "polars", "pydantic", "genai_prices", "model_prices", "pyarrow"]
    code = f"import llmscope.pricing, llmscope.commands.pricing, sys; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"
