"""What is asked of quality: which scores, which bar, which slices; and the SQL of the joined scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmscope.analyses._errors_rows import GENERATED
from llmscope.analyses._scored import ABOUT, KEYS, LOOSE, loose, within
from llmscope.errors import UsageError, unknown_name
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
KINDS = ("human", "judge", "code", "user", "api")
NAMES_SQL = "SELECT DISTINCT name, rater FROM all_scores WHERE rater_kind <> 'user' OR rater IS NULL"
USERS_SQL = "SELECT DISTINCT name FROM all_scores WHERE rater_kind = 'user'"

# The CTEs up to `scored`, a row a score: the slice, KEYS, value, and what it is counted with. {words}: the dimensions.
SCORED = f"""{ABOUT}, asked AS (
    SELECT {{dimensions}} request_id, started_at, coalesce(session_id, trace_id, request_id) AS seen_in,
        {GENERATED} AS answered
    FROM requests
), scored AS (
    SELECT {{words}} {", ".join(f"rated.{key} AS {key}" for key in KEYS)}, rated.value AS value,
        rated.label AS label, rated.about AS about, rated.about_id AS about_id, rated.created_at AS created_at,
        rated.score_id AS score_id, asked.request_id AS met_id, asked.answered AS answered,
        CASE WHEN rated.data_type = 'numeric' AND rated.value < {{bar}} THEN 1 ELSE 0 END AS below,
        date_trunc('day', coalesce(asked.started_at, rated.created_at)) AS scored_day,
        coalesce(asked.seen_in, rated.named_session, rated.named_trace, rated.about_id, rated.score_id) AS seen_in
    FROM rated LEFT JOIN asked ON rated.about_id = asked.request_id
    WHERE {LOOSE} AND {{chosen}}
)"""


@dataclass(frozen=True)
class Asked:
    """One question: the scores chosen, the bars, and the slices."""

    logs: Logs
    groups: tuple[Dimension, ...]
    bars: dict[str | None, float] = field(default_factory=dict)
    scores: tuple[str, ...] = ()
    raters: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(d.word for d in self.groups)

    @property
    def columns(self) -> str:
        """The hole {columns}: the slices by name."""
        return "".join(f"{quoted(word)}, " for word in self.words)

    @property
    def chosen(self) -> str:
        """Which rows of `rated` are asked for; the names are bound."""
        names = ", ".join(f"$score_{i}" for i in range(len(self.scores)))
        raters = ", ".join(f"$rater_{i}" for i in range(len(self.raters)))
        found = [f"rated.score IN ({names})"] if self.scores else []
        if self.raters:
            found.append(f"(rated.rater IN ({raters}) OR rated.rater_kind IN ({raters}))")
        return " AND ".join(found) or "true"

    @property
    def bar(self) -> str:
        """The bar of a score, as SQL; NULL where it has none."""
        named = [name for name in self.bars if name is not None]
        whens = " ".join(f"WHEN rated.score = $barred_{i} THEN $bar_{i}" for i in range(len(named)))
        rest = "$bar" if None in self.bars else "cast(NULL AS DOUBLE)"
        return f"CASE {whens} ELSE {rest} END" if named else rest

    def bar_of(self, score: str) -> float | None:
        return self.bars.get(score, self.bars.get(None))

    @property
    def choice(self) -> dict[str, Any]:
        """The values bound in `chosen`."""
        found: dict[str, Any] = {f"score_{i}": name for i, name in enumerate(self.scores)}
        return found | {f"rater_{i}": name for i, name in enumerate(self.raters)}

    def query(self, sql: str, names: dict[str, str] | None = None, **values: Any) -> list[Row]:
        """Runs SQL that rests on SCORED, a slice of --by and --over at a time."""
        named = [name for name in self.bars if name is not None]
        bars: dict[str, Any] = {f"barred_{i}": name for i, name in enumerate(named)}
        bars |= {f"bar_{i}": self.bars[name] for i, name in enumerate(named)}
        bars |= {"bar": self.bars[None]} if None in self.bars else {}
        holes = {
            "words": self.selected(), "columns": self.columns, "chosen": self.chosen, "bar": self.bar,
            "loose": loose(self.logs), "same": self.same("whole", "spread"), **(names or {}),
        }  # fmt: skip
        return self.logs.query(sql, by=self.groups, names=holes, **bars, **self.choice, **within(self.logs), **values)

    def selected(self) -> str:
        """The slices of `asked`; a score of no known request stands in the bucket it was given in."""
        from llmscope.schema import BUCKETS

        found = []
        for place, dimension in enumerate(self.groups):
            name = quoted(dimension.word)
            if dimension.word in BUCKETS:
                own = self.logs.dimension_sql(dimension, place).replace("started_at", "rated.created_at")
                found.append(f"coalesce(asked.{name}, {own}) AS {name}, ")
            else:
                found.append(f"asked.{name} AS {name}, ")
        return "".join(found)

    def same(self, left: str, right: str, also: Sequence[str] = KEYS) -> str:
        """Two relations of one statement meet on their slices and raters, the unknown with the unknown."""
        names = [*(quoted(word) for word in self.words), *also]
        return " AND ".join(f"{left}.{name} IS NOT DISTINCT FROM {right}.{name}" for name in names) or "true"


def listed(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip()))


def bars_of(text: str | None) -> dict[str | None, float]:
    """`7`, or `quality=7,tone=3`: the bar of every numeric score (None), or of those named.

    Raises:
        UsageError: no number.
    """
    found: dict[str | None, float] = {}
    for one in listed(text):
        name, _, figure = one.rpartition("=")
        try:
            number = float(figure)
        except ValueError:
            number = float("nan")
        if number != number or abs(number) == float("inf"):
            raise UsageError(f"--below {one!r} is no bar", hint="--below 7, or --below quality=7,tone=3")
        found[name.strip() or None] = number
    return found


def check_names(asked: Asked) -> None:
    """Refuses a score or a rater that the store does not have, with the nearest that it has.

    Raises:
        UsageError: unknown.
    """
    wanted = [*asked.scores, *(name for name in asked.bars if name)]
    if not wanted and not asked.raters:
        return
    rows = asked.logs.query(NAMES_SQL)
    names = {row["name"] for row in rows} | {row["name"] for row in asked.logs.query(USERS_SQL)}
    raters = {row["rater"] for row in rows if row["rater"]} | set(KINDS)
    for name in wanted:
        if names and name not in names:
            raise unknown_name("score", name, sorted(names))
    for name in asked.raters:
        if names and name not in raters:
            raise unknown_name("rater", name, sorted(raters))
