"""Findings of many sections put into stories: one fact that several of them found is one item of the first page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from llmscope.reported import Told

if TYPE_CHECKING:
    from llmscope.logs import Logs

Row = Mapping[str, Any]
ALL = "(all)"
NAMES = ("feature", "template", "model", "user", "session", "judge", "provider", "environment", "release")
# Who tells a story best comes first; those that are not here tell only their own.
LEADS = (
    "truncation", "token_growth", "token_drop", "outage", "judge drift", "sessions", "drift", "mover", "incident",
    "silent", "retry_storm", "rater", "bias", "costlier", "slice",
)  # fmt: skip
# Metrics that an answer cut off by its length moves; those that longer prompts or answers move; those of money.
CUT = ("truncation_rate", "finish_reason_mix", "output_tokens")
GROWN = ("input_tokens", "output_tokens", "cost_per_request", "cost", "latency")
PAID = ("cost", "cost_per_request", "requests")
# Days by which two figures of one change are dated apart at most; the whole, in which it is diluted, by more.
NEAR, NEAR_WHOLE = 3, 7
# A template that is of one feature only lends its findings the feature's name.
HOMES_SQL = """
SELECT template, min(feature) AS feature, count(*) AS requests
FROM requests
WHERE template IS NOT NULL
GROUP BY template
HAVING min(feature) = max(feature)
ORDER BY requests DESC, template
LIMIT 500
"""


@dataclass(frozen=True)
class Fact:
    """A finding with what it is about: names of slices."""

    told: Told
    about: frozenset[tuple[str, str]]

    @property
    def kind(self) -> str:
        return self.told.kind

    @property
    def row(self) -> Row:
        return self.told.rows[0] if self.told.rows else {}

    @property
    def whole(self) -> bool:
        """Whether it is about all requests."""
        return not self.about

    @property
    def began(self) -> date | None:
        """Since when, where its row says so."""
        said = str(self.row.get("began") or self.row.get("since") or "").removeprefix("by ")
        try:
            return date.fromisoformat(said[:10])
        except ValueError:
            return None


def homes(logs: Logs) -> dict[str, str]:
    """The feature of each template that has one only."""
    return {row["template"]: row["feature"] for row in logs.query(HOMES_SQL)}


def stories(found: Iterable[Told], of_template: Mapping[str, str]) -> list[list[Fact]]:
    """The findings in stories, whoever tells it best first; stories in the order of their first finding."""
    every = list(found)
    facts = [Fact(one, about(one, of_template)) for one in every]
    made: list[list[Fact]] = []
    for fact in sorted(facts, key=rank):
        home = next((story for story in made if any(belongs(fact, other) for other in story)), None)
        if home is None:
            made.append([fact])
        else:
            home.append(fact)
    places = {id(fact): place for place, fact in enumerate(facts)}
    return sorted(made, key=lambda story: min(places[id(fact)] for fact in story))


def rank(fact: Fact) -> tuple[int, bool]:
    """The best teller first, and slices before the whole that they are part of."""
    return (LEADS.index(fact.kind) if fact.kind in LEADS else len(LEADS), fact.whole)


def about(one: Told, of_template: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """The names a finding's rows hold, by what they are names of."""
    pairs: set[tuple[str, str]] = set()
    for row in one.rows:
        named = {name: row.get(name) for name in NAMES}
        if "dimension" in row:
            named[str(row["dimension"])] = row.get("name", row.get("value"))
        if one.kind == "slice" and "value" in row:
            named = {str(row["dimension"]): row["value"]}
        pairs |= {(name, str(value)) for name, value in named.items() if value is not None and value != ALL}
    if not any(name == "feature" for name, _ in pairs):
        found = [value for name, value in pairs if name == "template"]
        pairs |= {("feature", of_template[value]) for value in found if value in of_template}
    return frozenset(pairs)


def belongs(fact: Fact, other: Fact) -> bool:
    """Whether a finding tells of what another, that tells it better, has told."""
    rule = RULES.get((fact.kind, other.kind))
    return bool(rule and fact.told.rows and other.told.rows and rule(fact, other))


def near(one: Fact, other: Fact, days: int = NEAR) -> bool:
    """Whether two changes began about when the other did; two that have no date did."""
    first, second = one.began, other.began
    if first is None or second is None:
        return first is second
    return abs((first - second).days) <= days


def same_change(one: Fact, other: Fact) -> bool:
    """One slice whose figures moved together, or the whole that moved with it in the same figure."""
    if one.about == other.about:
        return near(one, other)
    changes = [fact.row.get("change_value") or 0 for fact in (one, other)]
    return (
        one.whole and one.row.get("metric") == other.row.get("metric") and changes[0] * changes[1] > 0
        and near(one, other, NEAR_WHOLE)
    )  # fmt: skip


def cut_off(one: Fact, other: Fact) -> bool:
    """A drift of what answers that are cut off move."""
    return one.row.get("metric") in CUT and not one.whole and one.about <= other.about


def grown(one: Fact, other: Fact) -> bool:
    """A drift of what a slice's longer prompts or answers move, since the same day."""
    return one.row.get("metric") in GROWN and not one.whole and one.about <= other.about and near(one, other)


def paid(one: Fact, other: Fact) -> bool:
    """A slice whose bill moved as its drift says."""
    change = (other.row.get("change_value") or 0) * (one.row.get("change_usd") or 0)
    return other.row.get("metric") in PAID and bool(other.about & one.about) and change > 0


def spent(one: Fact, other: Fact) -> bool:
    """A user whose bill rose by what one session cost, for the most part."""
    of_user = [row for row in one.told.rows if row["dimension"] == "user" and row["name"] == other.row.get("user")]
    return any(0 < row["change_usd"] <= 2 * (other.row.get("cost_usd") or 0) for row in of_user)


def meanwhile(one: Fact, other: Fact) -> bool:
    """A busy day of a session that stands apart."""
    first, last, day = (str(v)[:10] for v in (other.row["first_at"], other.row["last_at"], one.row["day"]))
    return one.row["metric"] == "requests" and first <= day <= last


def days_on_end(one: Fact, other: Fact) -> bool:
    days = [date.fromisoformat(fact.row["day"]) for fact in (one, other)]
    return one.row["metric"] == other.row["metric"] and abs((days[0] - days[1]).days) <= 1


def silent_cut(one: Fact, other: Fact) -> bool:
    """Answers cut off, told by errors too."""
    return one.row.get("failure") == "truncated" and bool({p for p in one.about if p[0] == "feature"} & other.about)


def at_once(one: Fact, other: Fact) -> bool:
    """Hours that meet."""
    return str(one.row["first_hour"]) <= str(other.row["last_hour"]) and str(other.row["first_hour"]) <= str(
        one.row["last_hour"]
    )


def of_judge(one: Fact, other: Fact) -> bool:
    """One judge."""
    judges = [fact.row.get("judge") or fact.row.get("rater") for fact in (one, other)]
    return judges[0] is not None and judges[0] == judges[1]


def of_version(one: Fact, other: Fact) -> bool:
    """A template's version that costs more because it is longer."""
    templates = [dict(fact.about).get("template") for fact in (one, other)]
    return "template_version" in one.told.text and templates[0] is not None and templates[0] == templates[1]


def same_slice(one: Fact, other: Fact) -> bool:
    return one.told.section == other.told.section and one.about == other.about


Rule = Callable[[Fact, Fact], bool]
RULES: Mapping[tuple[str, str], Rule] = {
    ("drift", "drift"): same_change,
    ("drift", "truncation"): cut_off,
    ("drift", "token_growth"): grown,
    ("drift", "token_drop"): grown,
    ("mover", "drift"): paid,
    ("mover", "sessions"): spent,
    ("incident", "sessions"): meanwhile,
    ("incident", "incident"): days_on_end,
    ("silent", "truncation"): silent_cut,
    ("silent", "drift"): lambda one, other: other.row.get("metric") in CUT and silent_cut(one, other),
    ("retry_storm", "outage"): at_once,
    ("judge drift", "judge drift"): of_judge,
    ("rater", "judge drift"): of_judge,
    ("bias", "judge drift"): of_judge,
    ("bias", "rater"): of_judge,
    ("costlier", "token_growth"): of_version,
    ("slice", "slice"): same_slice,
}


def sections_of(story: Sequence[Fact]) -> tuple[str, ...]:
    """The sections that show it, the teller's first."""
    return tuple(dict.fromkeys(fact.told.section for fact in story if fact.told.section))
