"""Which of the largest cost movers are one and the same money: a feature, its template, its model and its user.

One scan tells for each pair by how much the cost of the requests that are both changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
# Two changes are the same money where the requests that are in both make up so much of the larger.
SAME = 0.8
# {flags}: for each mover, whether a request is of it; {grouped}: their names.
SHARED_SQL = """, flagged AS (
    SELECT {flags} side, chosen_usd FROM sided WHERE side IS NOT NULL
)
SELECT {grouped}
    coalesce(sum(chosen_usd) FILTER (WHERE side = 'after'), 0)
        - $scale * coalesce(sum(chosen_usd) FILTER (WHERE side = 'before'), 0) AS change_usd
FROM flagged
GROUP BY ALL
"""


def holes(columns: Sequence[str], names: Sequence[str | None]) -> tuple[dict[str, str], dict[str, Any]]:
    """The identifiers and the bound values that the SQL needs for these movers."""
    flags: list[str] = []
    values: dict[str, Any] = {}
    for place, (column, name) in enumerate(zip(columns, names, strict=True)):
        if name is None:
            flags.append(f"{column} IS NULL AS is_{place}, ")
        else:
            values[f"named_{place}"] = name
            flags.append(f"coalesce({column} = $named_{place}, FALSE) AS is_{place}, ")
    grouped = "".join(f"is_{place}, " for place in range(len(columns)))
    return {"flags": "".join(flags), "grouped": grouped}, values


def together(movers: Sequence[Row], cells: Sequence[Row]) -> list[list[Row]]:
    """The movers in stories, the largest first in each; `cells`: the change of each combination of movers."""
    stories: list[list[int]] = []
    for place in range(len(movers)):
        home = next((story for story in stories if same(movers, cells, story[0], place)), None)
        if home is None:
            stories.append([place])
        else:
            home.append(place)
    return [[movers[place] for place in story] for story in stories]


def same(movers: Sequence[Row], cells: Sequence[Row], one: int, other: int) -> bool:
    """Whether the requests that are of both make up most of either change."""
    both = sum(float(cell["change_usd"]) for cell in cells if cell[f"is_{one}"] and cell[f"is_{other}"])
    changes = [float(movers[place]["change_usd"]) for place in (one, other)]
    return all(both * change > 0 and abs(both) >= SAME * abs(change) for change in changes)
