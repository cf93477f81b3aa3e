"""JSON Lines: the rows and nothing else, one a line, in ASCII."""

from __future__ import annotations

import json
from collections.abc import Iterator

from llmscope.render import View
from llmscope.render._flat import flat
from llmscope.result import Result


def render(result: Result, view: View) -> Iterator[str]:
    """One object a row; a result that is parts alone names the part first."""
    for row in flat(result, view).rows:
        yield json.dumps(row, ensure_ascii=True, allow_nan=False) + "\n"
