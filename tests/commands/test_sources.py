"""`llmscope sources`: list and detect."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.commands.conftest import HOSTILE, RECORDS, Run


def test_list(run: Run) -> None:
    """Every source, in the order asked: raw answers before anything flat."""
    rows = run("sources", "list", "-f", "json").rows
    names = [row["source"] for row in rows]

    assert [row["order"] for row in rows] == list(range(1, len(rows) + 1))
    assert names[-2:] == ["flat", "wide_labels"]  # what no key of a request tells may still be a table of labels
    assert {"openai_chat", "anthropic_messages", "gemini", "canonical"} <= set(names)
    assert all(row["reads"] for row in rows)


def test_detect(run: Run, log: Path) -> None:
    """Source, container, mapping, and three rows as they would load; a column a line."""
    ran = run("sources", "detect", "tiny.jsonl", "-f", "json")
    keys = {row["column"]: row["key"] for row in ran.json["parts"]["mapping"]["rows"]}
    rows = {row["column"]: row for row in ran.json["parts"]["rows"]["rows"]}

    assert (ran.rows[0]["source"], ran.rows[0]["container"], ran.rows[0]["compression"]) == ("flat", "jsonl", "none")
    assert keys["request_model"] == "model"
    assert keys["input_tokens"] == "prompt_tokens"
    assert keys["started_at"] == "timestamp"
    assert [rows["input_tokens"][f"row_{i}"] for i in (1, 2, 3)] == [1000, 2000, 30]
    assert rows["started_at"]["row_1"] == "2026-09-30T23:59:59Z"
    assert not (log.parent / "llmscope.duckdb").exists()


def test_unknown_keys_are_named_and_texts_left_out(run: Run, tmp_path: Path) -> None:
    """A key nobody reads is listed with its type and share; a prompt's words appear nowhere."""
    records = [{**r, "colour": "blue", "prompt": "the secret words", "deep": {"x": 1}} for r in RECORDS[:2]]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records) + json.dumps(RECORDS[2]) + "\n")
    ran = run("sources", "detect", "x.jsonl", "-f", "json")
    left = {row["key"]: row for row in ran.json["parts"]["not kept"]["rows"]}

    assert left["colour"]["type"] == "text"
    assert left["colour"]["seen_ratio"] == pytest.approx(2 / 3)
    assert "deep" in left
    assert "secret" not in ran.out
    assert "SELECT" not in ran.out


def test_map(run: Run, tmp_path: Path) -> None:
    """--map turns a file nobody knows into one that loads, and its wrong keys are said."""
    (tmp_path / "own.jsonl").write_text('{"props": {"llm": "gpt-4o", "beside": 1}, "n": 7}\n')
    unknown = run("sources", "detect", "own.jsonl", "-f", "json")
    mapped = run("sources", "detect", "own.jsonl", "-f", "json", "--map", "model=props.llm", "--map", "input_tokens=n")
    wrong = run("sources", "detect", "own.jsonl", "-f", "json", "--map", "model=props.lm")
    rows = {row["column"]: row["row_1"] for row in mapped.json["parts"]["rows"]["rows"]}

    assert unknown.code == 1
    assert unknown.rows[0]["source"] is None
    assert {row["key"] for row in unknown.json["parts"]["keys"]["rows"]} == {"props.llm", "props.beside", "n"}
    assert "--map model=KEY" in unknown.err
    assert (rows["model"], rows["input_tokens"]) == ("gpt-4o", 7)
    assert [row["key"] for row in mapped.json["parts"]["not kept"]["rows"]] == ["props.beside"]
    assert "did you mean props.llm" in " ".join(wrong.json["notes"])


@pytest.mark.parametrize("container", ["csv", "json", "envelope", "parquet", "gzip", "bom"])
def test_containers(run: Run, tmp_path: Path, container: str) -> None:
    """The same records give the same three rows, whatever holds them."""
    import polars

    path, records = tmp_path / "log", [{**r, "cost": 0.5} for r in RECORDS[:3]]
    lines = "".join(json.dumps(r) + "\n" for r in records).encode()
    frame = polars.DataFrame(records)
    match container:
        case "csv":
            frame.write_csv(path)
        case "parquet":
            frame.write_parquet(path)
        case "json":
            path.write_text(json.dumps(records))
        case "envelope":
            path.write_text(json.dumps({"data": records}))
        case "gzip":
            path.write_bytes(gzip.compress(lines))
        case "bom":
            path.write_bytes(b"\xef\xbb\xbf" + lines)
    ran = run("sources", "detect", "log", "-f", "json")
    rows = {row["column"]: row for row in ran.json["parts"]["rows"]["rows"]}

    assert ran.code == 0
    assert [rows["output_tokens"][f"row_{i}"] for i in (1, 2, 3)] == [100, 200, 3]
    assert ran.rows[0]["compression"] == ("gzip" if container == "gzip" else "none")


def test_a_large_log_is_read_at_its_head_only(run: Run, tmp_path: Path) -> None:
    """What cannot be read far behind the first records is not met."""
    line = json.dumps(RECORDS[0]) + "\n"
    (tmp_path / "x.jsonl").write_text(line * 20_000 + "{broken\n")
    ran = run("sources", "detect", "x.jsonl", "-f", "json")

    assert ran.code == 0
    assert not any("cannot be read" in note for note in ran.json["notes"])


def test_several_files(run: Run, log: Path) -> None:
    """One bad file does not hide the good one; the end says that one was bad."""
    (log.parent / "bad.bin").write_bytes(b"\0\1\2")
    (log.parent / "empty.jsonl").write_text("")
    ran = run("sources", "detect", "tiny.jsonl", "bad.bin", "empty.jsonl", "-f", "json")

    assert ran.code == 1
    assert [row["source"] for row in ran.rows] == ["flat", None, None]
    assert "rows of tiny.jsonl" in ran.json["parts"]
    assert "bad.bin: binary data" in ran.json["findings"][0]["text"]


def test_a_stray_file_in_a_folder_is_no_fault(run: Run, log: Path) -> None:
    """Only what was named must be a log."""
    (log.parent / "note.json").write_text('{"hello": "you"}')

    assert run("sources", "detect", ".").code == 0


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("nope.jsonl",), 1), (("tiny.jsonl", "--source", "flt"), 2)])
def test_wrong_command_lines(run: Run, log: Path, arguments: tuple[str, ...], code: int) -> None:
    """No file, no such file, no such source."""
    assert run("sources", "detect", *arguments).code == code


@pytest.mark.parametrize("form", ["table", "plain", "md", "html", "csv", "jsonl"])
def test_hostile_keys_and_values(run: Run, tmp_path: Path, form: str) -> None:
    """Keys are a log's words too."""
    record = {**RECORDS[1], HOSTILE: HOSTILE, "feature": HOSTILE}
    (tmp_path / "x.jsonl").write_text(json.dumps(record) + "\n")
    ran = run("sources", "detect", "x.jsonl", "-f", form)

    assert ran.code == 0
    assert not {"\x1b", "\u202e"} & set(ran.out)
