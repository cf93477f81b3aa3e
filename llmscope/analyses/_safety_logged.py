"""What was logged about safety: the tallies of scores, guardrails and providers, and the latest examples of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmscope.analyses import _safety_sql as sql
from llmscope.analyses._safety_names import Named, flag_bars, holes, listed, named, of_words, scaled
from llmscope.analyses._safety_rates import Row, Tally, tally_of
from llmscope.analyses._scored import loose, put_wholes, within
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.scan.rules import Rules
    from llmscope.schema import Dimension

# A score's name beyond these is one among thousands: no check, but a name made of an id.
MOST_NAMES = 200


@dataclass(frozen=True)
class Evidence:
    """The checks that the log holds; unscaled: names of scores whose figures nobody says how to read.

    figures: names of scores that are numbers, of which some are taken for flagged.
    """

    logs: Logs
    rules: Rules
    scores: tuple[Named, ...]
    spans: tuple[Named, ...]
    unscaled: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    more: int = 0

    def tallies(self, by: Sequence[Dimension]) -> list[Tally]:
        """Every check in every slice of all dimensions together."""
        words = [d.word for d in by]
        return [tally_of(row, words) for row in self.rows(by, sql.together(words), fewest=0, least=0)]

    def apart(
        self, by: Sequence[Dimension], fewest: int, least: int, most: int
    ) -> tuple[list[Tally], dict[str, list[Tally]]]:
        """Every check as a whole, and in the slices of each dimension by itself.

        Args:
            fewest: slices with fewer flagged are left out; least: those with fewer judged are not among `looked_at`.
            most: no more slices of a source than these, the most flagged first.
        """
        found: dict[str, list[Tally]] = {"": [], **{d.word: [] for d in by}}
        for row in self.rows(by, sql.apart([d.word for d in by], most), fewest=fewest, least=least):
            word = by[int(row["dimension"])].word if row["dimension"] else ""
            found[word].append(tally_of({**row, word: row["value"]}, [word] if word else []))
        return found.pop(""), found

    def rows(self, by: Sequence[Dimension], rolled: Mapping[str, str], **values: Any) -> list[Mapping[str, Any]]:
        """What scores, guardrails and providers say."""
        names = {**rolled, "words": "".join(f"{quoted(d.word)}, " for d in by), "more": ""}
        rows: list[Mapping[str, Any]] = []
        if self.scores:
            own, bound = self.of_scores()
            rows += self.logs.query(sql.SCORES_SQL, by=by, names={**names, **own}, **values, **bound)
        if self.spans:
            own, bound = self.of_spans()
            rows += self.logs.query(sql.SPANS_SQL, by=by, names={**names, **own}, **values, **bound)
        return [*rows, *self.logs.query(sql.PROVIDER_SQL, by=by, names=names, **values)]

    def of_scores(self) -> tuple[dict[str, str], dict[str, Any]]:
        """The holes and values of the SQL over scores."""
        own, bound = holes(self.scores, self.rules)
        return {**own, "loose": loose(self.logs)}, {**bound, **within(self.logs)}

    def of_spans(self) -> tuple[dict[str, str], dict[str, Any]]:
        """The holes and values of the SQL over guardrails."""
        bound = {f"name{i}": one.name for i, one in enumerate(self.spans)}
        kinds = " ".join(f"WHEN $name{i} THEN '{one.kind}'" for i, one in enumerate(self.spans))
        return {
            "said": said_sql(self.rules),
            "names": ", ".join(f"${name}" for name in bound),
            "kind": f"CASE guards.name {kinds} END",
            "joined": "lasts.asked_trace IS NOT NULL" if self.logs.where else "true",
        }, bound

    def examples(self, most: int) -> list[Row]:
        """The latest requests of each check."""
        rows: list[Row] = []
        if self.scores:
            own, bound = self.of_scores()
            rows += self.logs.query(sql.SCORED_SQL, names={**own, "more": sql.MORE}, most=most, **bound)
        if self.spans:
            own, bound = self.of_spans()
            rows += self.logs.query(sql.GUARDED_SQL, names={**own, "more": sql.SPAN_MORE}, most=most, **bound)
        for check in sql.HIT:
            rows += self.logs.query(sql.PROVIDED_SQL, names=provided(check), most=most)
        return rows


def evidence(logs: Logs, rules: Rules) -> Evidence:
    """What the log's names say that it holds."""
    bars = flag_bars(logs.config.safety)
    scores, unscaled = [], []
    figures = []
    for row in logs.query(sql.NAMES_SQL):
        if one := named(row["name"], rules):
            scores.append(scaled(one, row["least"], row["largest"], bars))
            if scores[-1].bar is None and row["least"] is not None:
                unscaled.append(row["name"])
            elif row["figures"]:
                figures.append(row["name"])
    spans = [named(row["name"] or "", rules, guardrail=True) for row in logs.query(sql.GUARDRAILS_SQL) if row["name"]]
    if scores:
        put_wholes(logs)
    return Evidence(
        logs, rules, tuple(scores[:MOST_NAMES]), tuple(one for one in spans if one), tuple(unscaled),
        tuple(figures), max(len(scores) - MOST_NAMES, 0),
    )  # fmt: skip


def provided(check: str) -> dict[str, str]:
    """The holes of the SQL over what the provider did."""
    return {"check": check, "logged": sql.LOGGED[check], "hit": sql.HIT[check], "of": sql.OF[check]}


def said_sql(rules: Rules) -> str:
    """What a guardrail's attributes, or else its error, say: true, false, or NULL for nothing."""
    attributes = rules.attributes
    whens = [
        of_words(value_sql(attributes["flagged"]), rules),
        of_words(value_sql(attributes["passed"]), rules, good="true"),
        f"WHEN {value_sql(attributes['action'])} IN {listed(rules.words['flagged'])} THEN true "
        f"WHEN {value_sql(attributes['action'])} IN {listed(rules.words['clear'])} THEN false",
    ]
    error = "lower(concat(coalesce(error_type, ''), ' ', coalesce(error_message, '')))"
    stopped = " OR ".join(f"{error} LIKE '%{word}%'" for word in attributes["errors"])
    return f"CASE {' '.join(whens)} WHEN status = 'error' AND ({stopped}) THEN true END"


def value_sql(keys: Sequence[str]) -> str:
    """The first of these attributes that is there, in lower case."""
    return "lower(coalesce(" + ", ".join(f"json_extract_string(attributes, '$.\"{key}\"')" for key in keys) + "))"
