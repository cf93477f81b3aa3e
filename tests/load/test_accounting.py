"""Nothing is lost: lines read = loaded + set aside + duplicates + rejected + blank, and tokens are conserved."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscope.load import LoadOptions, load
from llmscope.store import Store
from tests.load.writing import counts, lines, load_bytes, packed, parquet, put, request, requests, rows, table

OTHER = [b'{"hello":1}', b'{"level":"info","msg":"started"}', b"{}"]
MALFORMED = [
    b'{"request_id":"x","input_tokens":5',
    b"{bad}",
    b"nonsense",
    b"{'request_id':'x'}",
    b'{"request_id":"x"}}',
    b'{"request_id":"x"} tail',
    b'{"request_id":"x"}{"request_id":"y"}',
    b'{"request_id":"\xff\xfe"}',
    b'{"request_id":"x\\q"}',
    b'{"a":' * 5000,
]
NO_OBJECT = [b"[1,2]", b"42", b'"text"', b"null", b"true", b'[{"request_id":"x"}]']
BLANK = [b"", b" ", b"\t", b"   \t "]


def test_every_line_is_accounted_for(tmp_path: Path) -> None:
    """Ten lines: three requests, two others, one request again, two broken, one that is no object, one blank."""
    data = lines([*requests(3), {"hello": 1}, {"hello": 2}, request(2)]) + b'{"a":\n{bad}\n[1]\n\n'
    report, found = load_bytes(tmp_path, data)

    assert {"lines": 10, "loaded": 3, "set_aside": 2, "duplicates": 1, "rejected": 3, "blank": 1} == counts(report)
    assert [1, 2, 3] == [r["input_tokens"] for r in found]


@pytest.mark.parametrize("line", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.parametrize("place", ["middle", "end"])
def test_a_malformed_line_is_rejected_and_its_neighbours_stay(tmp_path: Path, line: bytes, place: str) -> None:
    """One broken line costs one line."""
    before, after = lines(requests(2)), lines([request(3)])
    data = before + line + b"\n" + after if place == "middle" else before + after + line + b"\n"
    report, found = load_bytes(tmp_path, data)

    assert {"lines": 4, "loaded": 3, "rejected": 1} == counts(report)
    assert ["r1", "r2", "r3"] == [r["request_id"] for r in found]


@pytest.mark.parametrize("line", NO_OBJECT, ids=range(len(NO_OBJECT)))
def test_a_line_that_is_no_object_is_rejected(tmp_path: Path, line: bytes) -> None:
    """JSON, but nobody's request."""
    report, found = load_bytes(tmp_path, lines(requests(2)) + line + b"\n" + lines([request(3)]))

    assert {"lines": 4, "loaded": 3, "rejected": 1} == counts(report)
    assert 3 == len(found)


@pytest.mark.parametrize("how", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("name", ["log", "log.csv"])
def test_containers_and_packing_are_told_by_content(tmp_path: Path, how: str, name: str) -> None:
    """JSON lines, an array, an envelope and CSV; plain, gzip or zstd; whatever the file is called."""
    records = requests(5)
    array, envelope = json.dumps(records).encode(), json.dumps({"data": records, "next": None}).encode()
    found = [load_bytes(tmp_path, packed(d, how), name) for d in (lines(records), array, envelope, table(records))]

    assert [{"lines": 5, "loaded": 5}] * 4 == [counts(report) for report, _ in found]
    assert [[1, 2, 3, 4, 5]] * 4 == [[r["input_tokens"] for r in stored] for _, stored in found]


def test_parquet_rows_are_accounted_for(tmp_path: Path) -> None:
    """Four rows, one of them a duplicate, one without anything."""
    empty = dict.fromkeys(request(1))
    store = Store(None)
    path = parquet(tmp_path / "log.parquet", [request(1), request(2), request(2), empty])
    report = load(store, [str(path)], LoadOptions()).files[0]

    assert {"lines": 4, "loaded": 2, "duplicates": 1, "set_aside": 1} == counts(report)
    assert 3 == sum(r["input_tokens"] for r in rows(store))


@pytest.mark.parametrize(
    "data",
    [
        b'[{"started_at":"2026-09-01","input_tokens":1},7,"x",null,[1],{"hello":1}]',
        b'[\n{"started_at":"2026-09-01","input_tokens":1},\n7,\n"x",\nnull,\n[1],\n{"hello":1}\n]\n',
    ],
    ids=["one line", "a value a line"],
)
def test_an_array_of_mixed_values(tmp_path: Path, data: bytes) -> None:
    """Six values: one request, one other object, four that are no objects."""
    report, found = load_bytes(tmp_path, data, "log.json")

    assert {"lines": 6, "loaded": 1, "set_aside": 1, "rejected": 4} == counts(report)
    assert 1 == len(found)


def test_csv_lines(tmp_path: Path) -> None:
    """A row too short and one too long are rejected; a quoted line end is no line; an empty line is nothing."""
    data = (
        table([request(1), request(2, feature="two\nlines, one field")])
        + b"r3,2026\n"
        + b"a,b,c,d,5,6,7,8\n\n"
        + table([request(4)]).split(b"\n", 1)[1]
    )
    report, found = load_bytes(tmp_path, data, "log.csv")

    assert {"lines": 5, "loaded": 3, "rejected": 2} == counts(report)
    assert [1, 2, 4] == [r["input_tokens"] for r in found]
    assert "two\nlines, one field" == found[1]["feature"]


def test_csv_with_mixed_line_ends(tmp_path: Path) -> None:
    """One line of a Windows program in a file of another costs nothing."""
    data = b"started_at,input_tokens\n2026-09-01,1\r\n2026-09-01,2\n2026-09-01,4\n"
    report, found = load_bytes(tmp_path, data, "log.csv")

    assert {"lines": 3, "loaded": 3} == counts(report)
    assert 7 == sum(r["input_tokens"] for r in found)


@pytest.mark.parametrize(
    "data",
    [b"[\n%s,\n%s\n]\n", b'{"data": [\n%s,\n%s\n],\n"next": null}\n', b'{"data": [\n%s,\n%s\n]\n}'],
    ids=["array", "envelope", "envelope alone"],
)
def test_a_document_with_a_record_a_line(tmp_path: Path, data: bytes) -> None:
    """The last record's line is an object by itself, and still the file is no JSON lines."""
    report, found = load_bytes(tmp_path, data % tuple(json.dumps(r).encode() for r in requests(2)), "log.json")

    assert {"lines": 2, "loaded": 2} == counts(report)
    assert 3 == sum(r["input_tokens"] for r in found)


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b"|"])
def test_csv_delimiters(tmp_path: Path, delimiter: bytes) -> None:
    """The header tells what stands between the fields."""
    report, found = load_bytes(tmp_path, table(requests(3)).replace(b",", delimiter), "log.csv")

    assert {"lines": 3, "loaded": 3} == counts(report)
    assert 6 == sum(r["input_tokens"] for r in found)


def test_a_key_that_first_appears_late_is_not_lost(tmp_path: Path) -> None:
    """After 500 lines without it, cache_read_tokens comes: 7 are read."""
    data = lines([*requests(500), request(501, cache_read_tokens=7)])
    report, found = load_bytes(tmp_path, data)

    assert {"lines": 501, "loaded": 501} == counts(report)
    assert 7 == sum(r.get("cache_read_tokens", 0) for r in found)


KINDS = {"other": OTHER, "malformed": MALFORMED[:-1], "no_object": NO_OBJECT, "blank": BLANK}
ODD = st.sampled_from([(kind, line) for kind, examples in KINDS.items() for line in examples])
TOKENS = st.integers(0, 10**6)


@st.composite
def logs(draw: st.DrawFn) -> tuple[bytes, dict[str, int], int, int]:
    """A log of any lines in any order, what is to become of it, and its tokens."""
    drawn = draw(st.lists(st.one_of(st.tuples(TOKENS, TOKENS), ODD), max_size=40))
    drawn.insert(0, (draw(TOKENS), draw(TOKENS)))
    final = draw(st.booleans())
    if not final:
        drawn.append((draw(TOKENS), draw(TOKENS)))
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    found = {"lines": len(drawn), "loaded": 0, "set_aside": 0, "duplicates": 0, "rejected": 0, "blank": 0}
    tokens, written = [0, 0], []
    for number, (kind, value) in enumerate(drawn):
        if isinstance(kind, int):
            record = request(number, input_tokens=kind, output_tokens=value)
            written.append(json.dumps(record).encode())
            found["loaded"] += 1
            tokens = [tokens[0] + kind, tokens[1] + value]
        else:
            written.append(value)
            found[{"other": "set_aside", "blank": "blank"}.get(kind, "rejected")] += 1
    data = end.join(written) + (end if final else b"")
    return (b"\xef\xbb\xbf" if draw(st.booleans()) else b"") + data, found, tokens[0], tokens[1]


@settings(deadline=None, max_examples=15, database=None)
@given(logs(), st.sampled_from(["none", "gzip", "zstd"]))
def test_any_mixture_of_lines_is_conserved(log: tuple[bytes, dict[str, int], int, int], how: str) -> None:
    """Whatever lines, line ends, byte-order mark, last line and packing: every line and every token is found again."""
    data, expected, tokens_in, tokens_out = log
    with tempfile.TemporaryDirectory() as folder:
        report, found = load_bytes(Path(folder), packed(data, how))

    assert {k: v for k, v in expected.items() if v} == counts(report)
    assert (tokens_in, tokens_out) == (sum(r["input_tokens"] for r in found), sum(r["output_tokens"] for r in found))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None, max_examples=12, database=None)
@given(st.lists(st.tuples(TOKENS, CELLS), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_csv_cells_of_any_text_are_conserved(cells: list[tuple[int, str]], bom: bool, final: bool) -> None:
    """Quotes, delimiters and line ends inside a field are the field's."""
    data = table(request(i, input_tokens=n, feature=text) for i, (n, text) in enumerate(cells))
    data = data if final else data.removesuffix(b"\n")
    with tempfile.TemporaryDirectory() as folder:
        report, found = load_bytes(Path(folder), b"\xef\xbb\xbf" * bom + data, "log.csv")

    assert {"lines": len(cells), "loaded": len(cells)} == counts(report)
    assert sum(n for n, _ in cells) == sum(r["input_tokens"] for r in found)


def test_many_files_and_folders_add_up(tmp_path: Path) -> None:
    """Two files in two folders and one named twice: each once."""
    one, two = put(tmp_path / "a/one.jsonl", lines(requests(2))), put(tmp_path / "a/b/two.csv", table(requests(3, 10)))
    store = Store(None)
    report = load(store, [str(tmp_path / "a"), str(one), str(tmp_path / "a/*/*.csv"), str(two)], LoadOptions())

    assert 2 == len(report.files)
    assert 5 == report.total("loaded") == len(rows(store))
