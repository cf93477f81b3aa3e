"""People's labels in a spreadsheet: what `sample` writes and a person fills in, long or wide."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import CLEARED, FIRST, Field, Reading, Sample, Unfolding, literal, quote

ABOUT = "a spreadsheet of people's labels: request_id (or response_id, trace_id, span_id) with score, label and rater"
RANK = 285
NEEDS = ("request_id", "response_id", "trace_id", "span_id", "session_id")
# An edited file is a new word on the same items: it is read whole.
WHOLE = True

SAYS = ("score", "value", "label")
# Beside what is said of an item, what `sample` writes for its reader; other columns may stand where there is a rater.
BESIDE = (
    "rater", "rater_kind", "rater_version", "name", "comment", "explanation", "created_at", "stratum", "sample_weight",
)  # fmt: skip
# One column a score, as `score.correctness` or `label.tone`.
WIDE = ("score.", "label.")
COLUMNS = (*NEEDS, *SAYS, *BESIDE)
# A spreadsheet's guard against formulas, as llmscope's own CSV sets it: it is no part of the text.
GUARD = r"^''([\s]*[=+\-@\t＝＋－＠])"
KINDS = "'human', 'judge', 'user', 'code', 'api'"
ASIDE = "naming no item"


def detect(sample: Sample) -> bool:
    """It names an item and has room for a score or a label; its rater, or nothing but what labels have.

    A table with `rater_kind` and no `score` is llmscope's own table of scores.
    """
    keys = set(sample.columns)
    says = keys & {"score", "label", "value"} or wide(sample)
    if not (keys & set(NEEDS) and says) or ("rater_kind" in keys and "score" not in keys):
        return False
    return "rater" in keys or all(key in COLUMNS or key.startswith(WIDE) for key in keys)


def wide(sample: Sample) -> list[str]:
    """The names of the scores that have columns of their own, in their order."""
    found = (key.split(".", 1)[1] for key in sample.columns if key.startswith(WIDE))
    return [name for name in dict.fromkeys(found) if name]


def unfolding(sample: Sample) -> Unfolding | None:
    """Of a wide table a record for each of its scores."""
    names = wide(sample)
    if not names:
        return None
    given = [key for key in COLUMNS if key in sample.columns]
    own = {f"{kind}{name}" for name in names for kind in WIDE} & set(sample.columns)

    def cell(kind: str, name: str) -> str:
        return braced(quote(kind + name)) if kind + name in own else "NULL::VARCHAR"

    known = ", ".join(f"{quote(key)}" for key in given if key not in ("score", "label", "name"))
    parts = [
        f"SELECT {known}, {braced(literal(name))} AS name, {cell('score.', name)} AS score,"
        f" {cell('label.', name)} AS label, {'true' if place == 0 else 'false'} AS {quote(FIRST)} FROM {{values}}"
        for place, name in enumerate(names)
    ]
    return Unfolding(dict.fromkeys([*given, *sorted(own)], "VARCHAR"), " UNION ALL ".join(parts))


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A row of `scores` for every score or label that was filled in."""
    texts = {key: f"nullif(trim(regexp_replace({quote(key)}, '{GUARD}', '\\1')), '')" for key in COLUMNS}
    said = f"coalesce({texts['score']}, {texts['value']})"
    prepare = {
        "l_said": said,
        "l_number": f"try_cast({pointed(said)} AS DOUBLE)",
        "l_label": texts["label"],
        "l_name": f"coalesce({texts['name']}, 'score')",
    }
    item = "coalesce(" + ", ".join(f"'{key}=' || {texts[key]}" for key in NEEDS) + ")"
    rater = f"coalesce(lower({texts['rater']}), '')"
    kind = f"lower({texts['rater_kind']})"
    # One word a rater, an item and a score: what is filled in again stands in the place of what was.
    identity = f"'label-' || md5(concat_ws(chr(31), {item}, {rater}, l_name))"
    fields = {
        "score_id": Field(identity),
        **{key: Field(texts[key], keys=(key,)) for key in NEEDS},
        "name": Field("l_name"),
        "value": Field("l_number::VARCHAR", keys=("score", "value")),
        "label": Field("coalesce(l_label, CASE WHEN l_number IS NULL THEN l_said END)", keys=("label", "score")),
        "rater_kind": Field(f"CASE WHEN {kind} IN ({KINDS}) THEN {kind} ELSE 'human' END", keys=("rater_kind",)),
        "rater": Field(texts["rater"], keys=("rater",)),
        "rater_version": Field(texts["rater_version"], keys=("rater_version",)),
        "explanation": Field(f"coalesce({texts['comment']}, {texts['explanation']})", keys=("comment", "explanation")),
        "created_at": Field(texts["created_at"], keys=("created_at",)),
        "data_type": Field(f"CASE WHEN coalesce(l_said, l_label) IS NULL THEN '{CLEARED}' END"),
        "sample_weight": Field(pointed(texts["sample_weight"]), keys=("sample_weight",)),
    }
    keep = f"{item} IS NOT NULL"
    return (Reading("scores", dict.fromkeys(COLUMNS, "VARCHAR"), fields, prepare, keep, aside=ASIDE),)


def pointed(text: str) -> str:
    """A figure as SQL reads it: half the world's spreadsheets write a decimal comma."""
    return f"CASE WHEN regexp_full_match({text}, '[-+]?[0-9]+,[0-9]+') THEN replace({text}, ',', '.') ELSE {text} END"


def braced(sql: str) -> str:
    """SQL that is formatted once more."""
    return sql.replace("{", "{{").replace("}", "}}")
