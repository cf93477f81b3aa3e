"""What is asked of quality: which scores, which bar, which slices; and the SQL of the joined scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmscope.analyses._errors_rows import GENERATED, SILENT
from llmscope.analyses._scored import ABOUT, KEYS, LOOSE, loose, put_wholes, within
from llmscope.errors import UsageError, unknown_name
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

Row = dict[str, Any]
KINDS = ("human", "judge", "code", "user", "api")
NAMES_SQL = "SELECT DISTINCT name, rater FROM all_scores WHERE rater_kind <> 'user' OR rater IS NULL"
USERS_SQL = "SELECT DISTINCT name FROM all_scores WHERE rater_kind = 'user'"

# The answer's length in tokens, in steps of four times; and what became of it. Numbers, as they are grouped by faster.
LENGTHS = ("under 64", "64 to 255", "256 to 1,023", "1,024 and more")
OUTCOMES = ("whole", *SILENT)
LENGTH = (
    "CASE WHEN output_tokens < 64 THEN 0 WHEN output_tokens < 256 THEN 1 WHEN output_tokens < 1024 THEN 2 "
    "WHEN output_tokens >= 1024 THEN 3 END"
)
OUTCOME = f"CASE {' '.join(f'WHEN {sql} THEN {place}' for place, sql in enumerate(SILENT.values(), 1))} ELSE 0 END"
# The table `scored`, a row a score (of several tags a row each): the slice, KEYS, value, what it is counted with, and
# met_…: what is known of its request. The join of scores and requests is made for it, once an answer. {words}: the
# dimensions.
SCORED = f"""
WITH {ABOUT}, asked AS (
    SELECT {{dimensions}} request_id, started_at, coalesce(session_id, trace_id, request_id) AS seen_in,
        {GENERATED} AS answered, feature AS met_feature, model AS met_model, {LENGTH} AS met_length,
        {OUTCOME} AS met_outcome
    FROM requests
)
SELECT {{words}} {", ".join(f"rated.{key} AS {key}" for key in KEYS)}, rated.value AS value,
    rated.label AS label, rated.about AS about, rated.about_id AS about_id, rated.created_at AS created_at,
    rated.score_id AS score_id, rated.sample_weight AS sample_weight, asked.request_id AS met_id,
    asked.answered AS answered, asked.met_feature, asked.met_model, asked.met_length, asked.met_outcome,
    date_trunc('day', asked.started_at) AS met_day,
    CASE WHEN rated.data_type = 'numeric' AND rated.value < {{bar}} THEN 1 ELSE 0 END AS below,
    date_trunc('day', coalesce(asked.started_at, rated.created_at)) AS scored_day,
    coalesce(asked.seen_in, rated.named_session, rated.named_trace, rated.about_id, rated.score_id) AS seen_in
FROM rated LEFT JOIN asked ON rated.about_id = asked.request_id
WHERE {LOOSE} AND {{chosen}}
"""
# Each score once, whatever tags its request has.
ONCE = (
    "(SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY score_id ORDER BY met_id) AS turn FROM scored) AS turns "
    "WHERE turn = 1)"
)


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

    @property
    def once(self) -> str:
        """The hole {once}: the scores, each one time."""
        return ONCE if any(d.unnests for d in self.groups) else "scored"

    def put_scored(self) -> None:
        """Makes the temporary table `scored`, a slice of --by and --over at a time."""
        named = [name for name in self.bars if name is not None]
        bars: dict[str, Any] = {f"barred_{i}": name for i, name in enumerate(named)}
        bars |= {f"bar_{i}": self.bars[name] for i, name in enumerate(named)}
        bars |= {"bar": self.bars[None]} if None in self.bars else {}
        holes = {"words": self.selected(), "chosen": self.chosen, "bar": self.bar, "loose": loose(self.logs)}
        put_wholes(self.logs)
        self.logs.keep("scored", SCORED, self.groups, holes, **bars, **self.choice, **within(self.logs))

    def query(self, sql: str, names: dict[str, str] | None = None, **values: Any) -> list[Row]:
        """Runs SQL over `scored`."""
        holes = {"columns": self.columns, "same": self.same("whole", "spread"), **(names or {})}
        return self.logs.query(sql, names=holes, **values)

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
