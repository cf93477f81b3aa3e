"""Who is asked about: which judge, which people, on which score; and what scales they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from llmscope.analyses._scored import ABOUT, EVERY, LOOSE, loose, put_wholes, within
from llmscope.errors import UsageError, unknown_name
from llmscope.identifiers import quoted

if TYPE_CHECKING:
    from llmscope.logs import Logs
    from llmscope.schema import Dimension

# Columns it never looks at: of log files they are not read unless --by or --where names them.
UNREAD = (
    "parent_span_id", "finish_reason_raw", "error_message", "error_type", "prompt_hash", "prefix_hashes", "embedding",
    "tags", "metadata", "temperature", "service", "environment", "release", "language", "attempt", "fallback",
    "source_line", "ttft_ms", "queue_ms", "network_ms", "inference_ms", "postprocess_ms", "input_text", "output_text",
    "sample_weight", "max_tokens",
)  # fmt: skip
Row = Mapping[str, Any]
# The table of all that judges and people said. The join of scores and requests is made for it, once an answer.
# {judge}, {human}: who is which, as conditions with bound names. {own}, {word}: see `Sides.own`
# and `Sides.word`. {loose}: see _scored.
SIDED = f"""
WITH {ABOUT}, asked AS (
    SELECT {{dimensions}} request_id, started_at, session_id AS l_session, output_tokens AS l_output_tokens
    FROM requests
), marked AS (
    SELECT {{words}} asked.l_session, asked.l_output_tokens, asked.started_at AS l_started_at,
        rated.score AS l_score, coalesce(rated.about_id, rated.named_trace, rated.named_session) AS l_item,
        CASE WHEN {{judge}} THEN 'judge' WHEN {{human}} THEN 'human' END AS l_side,
        coalesce(rated.person, rated.rater_kind) AS l_rater, rated.rater_version AS l_version,
        {{own}} AS l_own, {{word}} AS l_word, coalesce(rated.created_at, asked.started_at) AS l_at,
        rated.score_id AS l_id, rated.data_type AS l_type, rated.sample_weight AS l_weight,
        CASE WHEN asked.request_id IS NULL THEN 0 ELSE 1 END AS l_known
    FROM rated LEFT JOIN asked ON rated.about_id = asked.request_id
    WHERE {LOOSE}
), figured AS (
    SELECT *, CASE WHEN l_own IS NOT NULL THEN l_own
        WHEN abs(try_cast(l_word AS DOUBLE)) < 1e100 THEN try_cast(l_word AS DOUBLE) END AS l_figure
    FROM marked WHERE l_side IS NOT NULL AND (l_own IS NOT NULL OR l_word IS NOT NULL)
)
SELECT {{words}} l_session, l_output_tokens, l_started_at, l_score, l_item, l_side, l_rater, l_version, l_at, l_id,
    l_type, l_weight, l_known, l_figure,
    CASE WHEN l_figure IS NULL THEN lower(l_word) END AS l_word
FROM figured
"""
# What was said, as text.
SAID = "coalesce(cast(l_figure AS VARCHAR), l_word)"
# A row a score, side, rater and version: what they gave, and on how many items a judge meets a person.
OFFERED = """
WITH human_items AS (
    SELECT l_score, l_item FROM sided WHERE l_side = 'human' AND l_item IS NOT NULL GROUP BY l_score, l_item
)
SELECT sided.l_score AS score, sided.l_side AS side, sided.l_rater AS rater, sided.l_version AS version,
    count(*) AS labels,
    count(DISTINCT CASE WHEN human_items.l_item IS NOT NULL THEN sided.l_item END) AS both,
    count(*) FILTER (WHERE sided.l_item IS NULL) AS about_nothing,
    count(*) FILTER (WHERE sided.l_known = 0) AS unknown_items,
    count(sided.l_figure) AS figures,
    count(*) FILTER (WHERE sided.l_type = 'boolean') AS booleans,
    min(sided.l_figure) AS least, max(sided.l_figure) AS most,
    count(DISTINCT sided.l_figure) + count(DISTINCT sided.l_word) AS answers,
    min(sided.l_word) AS a_word,
    max(sided.l_at) AS last_at
FROM sided LEFT JOIN human_items ON sided.l_score = human_items.l_score AND sided.l_item = human_items.l_item
GROUP BY sided.l_score, sided.l_side, sided.l_rater, sided.l_version
"""
RATERS = f"""
SELECT rater, rater_version AS version FROM {EVERY} WHERE rater IS NOT NULL GROUP BY rater, rater_version
"""
# Scales end at one of these: a judge whose best is 5 and a person whose best is 9 are not on one scale.
ENDS = (1.0, 5.0, 10.0, 100.0)
APART, FAR_APART = 1.5, 4.0
# Words that are at most this part of a side's labels are no answers of its scale.
MOST_STRAYS = 0.2


@dataclass(frozen=True, slots=True)
class Sides:
    """The judge (name, version or None for all) and the people asked for, and which words are which figures."""

    judge: str | None = None
    version: str | None = None
    people: tuple[str, ...] = ()
    equal: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, judge: str | None, human: str | None, equal: str | None) -> Sides:
        """From --judge NAME[@VERSION], --human a,b and --equal 'good=1,bad=0'.

        Raises:
            UsageError: --equal is not WORD=FIGURE; judge and people are the same.
        """
        name, _, version = (judge or "").partition("@")
        people = tuple(dict.fromkeys(word.strip() for word in (human or "").split(",") if word.strip()))
        if name.strip() and name.strip() in people:
            raise UsageError(f"{name.strip()!r} is both the judge and one of the people")
        return cls(name.strip() or None, version.strip() or None, people, pairs(equal))

    @property
    def names(self) -> dict[str, str]:
        """What the holes of MARKED are filled with."""
        one = "(rated.rater = $judge OR rated.person = $judge)"
        version = " AND rated.rater_version = $judge_version" if self.version else ""
        listed = ", ".join(f"$person{i}" for i in range(len(self.people)))
        asked_people = f"rated.person IN ({listed})"
        judges = f"({one if self.judge else judging(asked_people if self.people else '')}{version})"
        return {"judge": judges, "human": asked_people if self.people else "rated.rater_kind = 'human'",
                "own": self.own, "word": self.word}  # fmt: skip

    @property
    def met(self) -> list[str]:
        """The conditions of --equal: which figures and words stand for something else. Pass and pass are one."""
        return [
            f"{'rated.value = ' if number(word) is not None else 'lower(trim(rated.label)) = '}$word{i}"
            for i, (word, _) in enumerate(self.equal)
        ]

    @property
    def own(self) -> str:
        """The figure that was given, as SQL; NULL where --equal makes something else of it."""
        whens = " ".join(f"WHEN {condition} THEN NULL" for condition in self.met)
        return f"CASE {whens} ELSE rated.value END" if whens else "rated.value"

    @property
    def word(self) -> str:
        """What else was given, as text: what --equal makes of it, or the label of what has no figure."""
        whens = "".join(f"WHEN {condition} THEN $stands{i} " for i, condition in enumerate(self.met))
        return f"CASE {whens}WHEN rated.value IS NULL THEN nullif(trim(rated.label), '') END"

    @property
    def values(self) -> dict[str, Any]:
        """What is bound."""
        found: dict[str, Any] = {f"person{i}": name for i, name in enumerate(self.people)}
        found |= {"judge": self.judge} if self.judge else {}
        found |= {"judge_version": self.version} if self.version else {}
        for i, (word, stands) in enumerate(self.equal):
            figure, figure_of = number(stands), number(word)
            found[f"word{i}"] = word.lower() if figure_of is None else figure_of
            found[f"stands{i}"] = stands if figure is None else str(figure)
        return found


def judging(people: str) -> str:
    """Who is a judge where none is named: all raters of that kind that are not among the people named."""
    return f"rated.rater_kind = 'judge'{f' AND NOT ({people})' if people else ''}"


def pairs(equal: str | None) -> tuple[tuple[str, str], ...]:
    """WORD=FIGURE pairs of --equal."""
    found = []
    for text in (part for part in (equal or "").split(",") if part.strip()):
        word, sign, stands = text.partition("=")
        if not sign or not word.strip() or not stands.strip():
            raise UsageError(f"--equal {text.strip()!r} is not WORD=FIGURE", hint="for example --equal 'good=1,bad=0'")
        found.append((word.strip(), stands.strip()))
    return tuple(found)


def number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


@dataclass(frozen=True)
class Scale:
    """What some raters gave on one score: how many labels, the range of the figures, and words among them."""

    labels: int
    figures: int
    booleans: int
    least: float | None
    most: float | None
    answers: int
    a_word: str | None

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Scale:
        known = [r for r in rows if r["least"] is not None]
        return cls(
            sum(r["labels"] for r in rows), sum(r["figures"] for r in rows), sum(r["booleans"] for r in rows),
            min((r["least"] for r in known), default=None), max((r["most"] for r in known), default=None),
            max((r["answers"] for r in rows), default=0),
            next((r["a_word"] for r in rows if r["a_word"] is not None), None),
        )  # fmt: skip

    @property
    def words(self) -> bool:
        """Mostly words."""
        return 2 * self.figures < self.labels

    @property
    def strays(self) -> int:
        """Words among figures, n/a say: so few that they are no classes of the scale; 0 where they are more."""
        return self.labels - self.figures if MOST_STRAYS * self.labels >= self.labels - self.figures else 0

    @property
    def span(self) -> str:
        """As people say it."""
        if self.words:
            return f"words such as {self.a_word!r}"
        return f"{self.least:g} to {self.most:g}" if self.least is not None else "nothing"


def unlike(judge: Scale, human: Scale) -> str | None:
    """Why the two cannot be compared; None where they can."""
    if judge.words != human.words:
        return f"different scales: the judge gives {judge.span}, people {human.span}"
    if judge.words or judge.most is None or human.most is None:
        return None
    lower, upper = sorted((judge.most, human.most))
    far = upper >= (APART if lower in ENDS else FAR_APART) * lower > 0
    if far and end_of(upper) > end_of(lower):
        return f"different scales: the judge gives {judge.span}, people {human.span}"
    return None


def end_of(most: float) -> float:
    return next((end for end in ENDS if most <= end), most)


@dataclass(frozen=True)
class Chosen:
    """One score, one judge and its people, with their scales; and the small print of the choice."""

    score: str
    judge: str
    versions: tuple[str | None, ...]
    people: tuple[str, ...]
    both: int
    judge_scale: Scale
    human_scale: Scale
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())


def offered(logs: Logs, sides: Sides, by: Sequence[Dimension] = ()) -> list[Row]:
    """What every judge and person gave, by score; and the temporary table `sided` of it, for what is asked next.

    Args:
        by: dimensions each item is told by.

    Raises:
        UsageError: a rater asked for by name, or that version of the judge, is not in the log.
    """
    names = {**sides.names, "loose": loose(logs), "words": named(by)}
    put_wholes(logs)
    logs.keep("sided", SIDED, by, names, **sides.values, **within(logs))
    rows: list[Row] = list(logs.query(OFFERED))
    found = {(r["side"], r["rater"]) for r in rows}
    wanted = [("human", person) for person in sides.people] + ([("judge", sides.judge)] if sides.judge else [])
    if all(one in found for one in wanted):
        return rows
    known = logs.query(RATERS)
    for _, name in (one for one in wanted if one not in found):
        if known and name not in {r["rater"] for r in known}:
            raise unknown_name("rater", str(name), {r["rater"] for r in known})
    versions = {r["version"] for r in known if r["rater"] == sides.judge and r["version"] is not None}
    if sides.version and versions and sides.version not in versions:
        raise unknown_name(f"version of {sides.judge}", sides.version, versions)
    return rows


def named(by: Sequence[Dimension]) -> str:
    """The hole {words}: dimensions by the words asked for."""
    return "".join(f"{quoted(d.word)}, " for d in by)


def check_score(rows: Sequence[Row], score: str | None) -> None:
    """Refuses a score that nobody gave.

    Raises:
        UsageError: with the nearest that there is.
    """
    scores = {r["score"] for r in rows}
    if score is not None and scores and score not in scores:
        raise unknown_name("score", score, scores)


def choose(rows: Sequence[Row], score: str | None) -> Chosen | str:
    """The score and judge with the most items that people scored too; or why there is none.

    Raises:
        UsageError: the score is not in the log; the nearest is named.
    """
    check_score(rows, score)
    mine = [r for r in rows if score is None or r["score"] == score]
    judges = [r for r in mine if r["side"] == "judge"]
    if not judges:
        return "no score by a judge; name another rater with --judge"
    sizes: dict[tuple[str, str], tuple[int, int]] = {}
    for r in judges:
        both, labels = sizes.get((r["score"], r["rater"]), (0, 0))
        sizes[r["score"], r["rater"]] = (both + r["both"], labels + r["labels"])
    (name, judge) = min(sizes, key=lambda key: (-sizes[key][0], -sizes[key][1], key))
    of = [r for r in judges if (r["score"], r["rater"]) == (name, judge)]
    people = [r for r in mine if r["side"] == "human" and r["score"] == name]
    versions = tuple(r["version"] for r in sorted(of, key=lambda r: (str(r["last_at"]), r["version"] or "")))
    others = [
        f"{other} of {s} ({n:,})" for (s, other), (n, _) in sorted(sizes.items()) if n and (s, other) != (name, judge)
    ]
    notes = [f"also on items that people scored: {', '.join(others)}; --score, --judge"] if others else []
    if lost := sum(r["about_nothing"] for r in (*of, *people)):
        notes.append(f"{lost:,} labels name no request, response, trace or session and are left out")
    listed = tuple(sorted({r["rater"] for r in people}))
    return Chosen(name, judge, versions, listed, sizes[name, judge][0], Scale.of(of), Scale.of(people),
                  (*of, *people), tuple(notes))  # fmt: skip
