"""A cell as the machine formats write it: raw numbers, ISO times in UTC, null for what is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from llmscope.render._figures import figure
from llmscope.render._safe import json_text
from llmscope.render._times import iso
from llmscope.result import Column, Row


def raw(value: Any) -> Any:
    """`value` in JSON's own types; NaN and the infinities are unknown, so null."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return json_text(value)
    if (number := figure(value)) is not None or isinstance(value, (float, Decimal)):
        return number
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {json_text(str(key)): raw(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [raw(item) for item in value]
    return json_text(str(value))


def raw_row(row: Row, columns: tuple[Column, ...]) -> dict[str, Any]:
    """Every column of the table, in order, whether the row speaks of it or not."""
    return {json_text(column.name): raw(row.get(column.name)) for column in columns}
