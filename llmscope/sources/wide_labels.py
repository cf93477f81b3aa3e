"""Labels as a wide table: a row an item, a column a rater, what each said of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmscope.sources import CLEARED, FIRST, Field, Reading, Sample, Unfolding, literal, quote
from llmscope.sources._alias import fold

ABOUT = "labels as a wide table: an item's id and a column a rater (annotator1, alice_human, gpt-judge, ...)"
RANK = 310

# What an item is called by, and the column of `scores` it becomes; a number of its own stands as the request's.
ITEMS: dict[str, str] = {
    "request_id": "request_id", "response_id": "response_id", "trace_id": "trace_id", "session_id": "session_id",
    "item_id": "request_id", "item": "request_id", "example_id": "request_id", "idx": "request_id",
    "index": "request_id", "id": "request_id", "uid": "request_id",
}  # fmt: skip
HUMAN = re.compile(r"(^|_)(annotator|rater|human|reviewer|labell?er|grader|coder|expert|person|people)s?_?\d*(_|$)")
JUDGE = re.compile(r"(^|_)(judge|gpt|claude|gemini|llama|mistral|mixtral|qwen|deepseek|llm|\d+b|model)(\d|_|$)")
# More unlike answers than these in the first records are no classes of a scale but texts or measurements.
MOST_ANSWERS, LONGEST_ANSWER = 24, 40
# A table a row a label, not a row an item: who said it is a cell, and what was said another.
LONG, SAYS = {"rater", "rater_kind"}, {"score", "value", "label", "rating", "grade"}
RATER, SAID, NTH = "rater", "said", "nth"
NAME = "label"
# An edited file is a new word on the same items: it is read whole.
WHOLE = True


def detect(sample: Sample) -> bool:
    """An item's id, and beside it nothing but what two raters or more said, one of whom is named as such."""
    return item(sample) is not None and len(raters(sample)) >= 2


def item(sample: Sample) -> str | None:
    """The column that names the item."""
    folded = {fold(key): key for key in sample.columns}
    return next((folded[name] for name in ITEMS if name in folded), None)


def raters(sample: Sample) -> list[str]:
    """The raters' columns; none where a column is something else, or where one names the rater of each row."""
    found = [key for key in sample.columns if fold(key) not in ITEMS]
    named, words = [key for key in found if kind_of(key) != "api"], {fold(key) for key in found}
    if words & LONG or (words & SAYS and len(named) < 2):
        return []
    return found if named and all(short(sample, key) for key in found) else []


def short(sample: Sample, key: str) -> bool:
    """Whether a column holds answers of a scale: few unlike ones, or numbers; texts and lists in it are odd."""
    said = [record[key] for record in sample.records if record.get(key) is not None]
    plain = {str(value) for value in said if isinstance(value, (str, int, float)) and len(str(value)) <= LONGEST_ANSWER}
    odd = [value for value in said if str(value) not in plain]
    return bool(plain) and 2 * len(odd) <= len(said) and len(plain) <= MOST_ANSWERS


def kind_of(key: str) -> str:
    """Who rates, as the column's name tells: a person, a judge, or not told."""
    folded = fold(key)
    return "human" if HUMAN.search(folded) else "judge" if JUDGE.search(folded) else "api"


def unfolding(sample: Sample) -> Unfolding:
    """A record a rater of each row."""
    key, found = item(sample) or "", raters(sample)
    each = ", ".join(
        f"{{{{'{RATER}': {braced(name)}, '{SAID}': {braced_name(name)}, 'first': {'true' if not i else 'false'}}}}}"
        for i, name in enumerate(found)
    )
    rows = f"SELECT {braced_name(key)} AS item, unnest([{each}]) AS one FROM {{values}}"
    # What one rater said of an item that stands in several rows are several labels.
    nth = f"row_number() OVER (PARTITION BY item, one.{RATER}) AS {NTH}"
    sql = f"SELECT item, one.{RATER} AS {RATER}, one.{SAID} AS {SAID}, one.first AS {quote(FIRST)}, {nth} FROM ({rows})"
    return Unfolding({key: "VARCHAR", **dict.fromkeys(found, "VARCHAR")}, sql)


def braced(text: str) -> str:
    """A literal in SQL that is formatted once more."""
    return literal(text).replace("{", "{{").replace("}", "}}")


def braced_name(name: str) -> str:
    return quote(name).replace("{", "{{").replace("}", "}}")


def readings(sample: Sample, mapping: Mapping[str, str]) -> tuple[Reading, ...]:
    """A row of `scores` for every rater that said something: a number as its value, a word as its label."""
    found, key = raters(sample), item(sample) or ""
    kinds = {kind: [name for name in found if kind_of(name) == kind] for kind in ("human", "judge")}
    whens = [
        f"WHEN {RATER} IN ({', '.join(map(literal, names))}) THEN '{kind}'" for kind, names in kinds.items() if names
    ]
    column = ITEMS[fold(key)]
    # As of a label in a row of its own: one word a rater, an item and a score.
    words = f"'{column}=' || trim(item), lower({RATER}), '{NAME}', CASE WHEN {NTH} <> '1' THEN {NTH} END"
    number = f"CASE WHEN isfinite(try_cast({SAID} AS DOUBLE)) THEN trim({SAID}) END"
    fields = {
        "score_id": Field(f"CASE WHEN trim(item) <> '' THEN 'label-' || md5(concat_ws(chr(31), {words})) END"),
        column: Field("item", keys=(key,)),
        "name": Field(f"'{NAME}'"),
        "value": Field(number, keys=tuple(found)),
        "label": Field(f"CASE WHEN ({number}) IS NULL THEN trim({SAID}) END", keys=tuple(found)),
        "rater": Field(RATER),
        "rater_kind": Field(f"CASE {' '.join(whens)} ELSE 'api' END"),
    }
    blank = f"coalesce(trim({SAID}), '') = ''"
    fields["data_type"] = Field(f"CASE WHEN {blank} THEN '{CLEARED}' END")
    columns = dict.fromkeys(("item", RATER, SAID, NTH), "VARCHAR")
    return (Reading("scores", columns, fields, keep=f"trim(item) <> '' OR NOT {blank}", notes=said_of(sample),
                    aside="an item that a rater left out"),)  # fmt: skip


def said_of(sample: Sample) -> tuple[str, ...]:
    """Who was taken for whom."""
    groups: dict[str, list[str]] = {}
    for name in raters(sample):
        groups.setdefault(kind_of(name), []).append(name)
    words = {"human": "as people", "judge": "as judges", "api": "as neither people nor judges (name them by --human)"}
    told = "; ".join(f"{', '.join(names)} {words[kind]}" for kind, names in groups.items())
    return (f"a wide table of labels, a rater a column: {told}",)
