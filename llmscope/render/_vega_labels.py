"""Where the names of points stand: beside, above or below them, and nowhere where they would cover each other."""

from __future__ import annotations

from typing import Any

Box = tuple[float, float, float, float]
# The plot as drawn in a file, and about what a letter takes in it.
WIDE, TALL, LETTER, LINE, LONGEST = 680.0, 350.0, 5.4, 12.0, 190.0


def beside(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points with the side their name stands on; one that has no room has no side."""
    highest = [max((row[axis] for row in rows), default=0) for axis in ("x", "y")]
    lowest = min((row["y"] for row in rows), default=0)
    places = [(WIDE * row["x"] / (highest[0] or 1) * 0.9, TALL * (highest[1] - row["y"]) / ((highest[1] - lowest) or 1))
              for row in rows]  # fmt: skip
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    found = []
    for row, (x, y) in zip(rows, places, strict=True):
        width = min(len(row["s"]) * LETTER, LONGEST)
        free = ((side, box) for side, box in boxes(x, y, width).items() if fits(box, taken))
        side, box = next(free, (None, None))
        if box is not None:
            taken.append(box)
        found.append({**row, "side": side})
    return found


def boxes(x: float, y: float, width: float) -> dict[str, Box]:
    """What a name would cover on each side of its point."""
    half = LINE / 2
    return {
        "right": (x + 8, y - half, x + 8 + width, y + half),
        "left": (x - 8 - width, y - half, x - 8, y + half),
        "above": (x - width / 2, y - 10 - LINE, x + width / 2, y - 10),
        "below": (x - width / 2, y + 10, x + width / 2, y + 10 + LINE),
    }


def fits(box: Box, taken: list[Box]) -> bool:
    """Inside the plot, and over nothing else."""
    if box[0] < 0 or box[2] > WIDE:
        return False
    return not any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in taken
    )
