"""What a piece of Weave's feedback says: inside a call or on its own, a reaction, a note, an annotation or a score."""

from __future__ import annotations

from collections.abc import Mapping

from llmscope.sources import Field
from llmscope.sources._bodies import some

# Where the value stands, by the kinds of feedback that there are; of a scorer that gives an object, inside it.
VALUES = ("value", "output", "score", "rating", "emoji")
INSIDE = ("score", "passed", "value", "correct", "rating", "flagged", "label")

# A kind's name: `wandb.annotation.tone` is `tone`. Reactions and notes have a version behind theirs.
NAMED = ("wandb.annotation.", "wandb.runnable.")
PLAIN = {"wandb.reaction.1": "reaction", "wandb.note.1": "note"}
# Who speaks: people react, write and annotate; a runnable is a scorer; any other kind came through the interface.
RATERS = {"wandb.reaction": "human", "wandb.note": "human", "wandb.annotation": "human", "wandb.agent_user": "human",
          "wandb.runnable": "judge", "wandb.agent_monitor": "judge"}  # fmt: skip
UP, DOWN = ("👍", ":thumbs_up:"), ("👎", ":thumbs_down:")


def prepared(payload: str) -> dict[str, str]:
    """What the fields below need: the value as JSON, out of an object the figure in it, and its text."""
    outer = ", ".join(some(f"json_extract({payload}, '$.{key}')") for key in VALUES)
    inner = ", ".join(some(f"json_extract(\"_said\", '$.{key}')") for key in INSIDE)
    return {
        "_said": f"coalesce({outer})",
        "_value": f'CASE WHEN json_type("_said") = \'OBJECT\' THEN coalesce({inner}, "_said") ELSE "_said" END',
        "_text": "json_extract_string(\"_value\", '$')",
        "_shape": 'json_type("_value")',
        "_note": f"json_extract_string({payload}, ['$.note', '$.reason', '$.detoned', '$.comment'])",
    }


def fields() -> dict[str, Field]:
    """A score's columns, over feedback_type, creator, wb_user_id, created_at and what is prepared."""
    names = " ".join(f"WHEN feedback_type = '{kind}' THEN '{name}'" for kind, name in PLAIN.items())
    names += "".join(f" WHEN starts_with(feedback_type, '{n}') THEN substr(feedback_type, {len(n) + 1})" for n in NAMED)
    raters = " ".join(f"WHEN starts_with(feedback_type, '{kind}') THEN '{who}'" for kind, who in RATERS.items())
    thumb = (
        f"WHEN _text IN {UP} OR _note[3] = '{UP[0]}' THEN '1' WHEN _text IN {DOWN} OR _note[3] = '{DOWN[0]}' THEN '0'"
    )
    number = f"CASE {thumb} WHEN _shape = 'BOOLEAN' THEN CASE _text WHEN 'true' THEN '1' ELSE '0' END" \
             " WHEN _shape IN ('VARCHAR', 'ARRAY', 'OBJECT') THEN NULL ELSE _text END"  # fmt: skip
    shapes = "WHEN 'BOOLEAN' THEN 'boolean' WHEN 'VARCHAR' THEN 'categorical' WHEN 'ARRAY' THEN 'text'"
    made: Mapping[str, Field] = {
        "name": Field(f"CASE {names} ELSE feedback_type END", keys=("feedback_type",)),
        "value": Field(number, keys=("payload",)),
        "label": Field("CASE WHEN _shape IN ('VARCHAR', 'ARRAY', 'OBJECT') THEN _text END", keys=("payload",)),
        "data_type": Field(f"CASE _shape {shapes} WHEN 'OBJECT' THEN 'text' WHEN 'NULL' THEN 'text'"
                           " ELSE CASE WHEN _shape IS NULL THEN 'text' ELSE 'numeric' END END"),
        "rater_kind": Field(f"CASE {raters} ELSE 'api' END"),
        "rater": Field("coalesce(nullif(creator, ''), wb_user_id)", keys=("creator", "wb_user_id")),
        "explanation": Field("coalesce(_note[1], _note[2], _note[4],"
                             " json_extract_string(\"_said\", '$.reason'))", keys=("payload",)),
        "created_at": Field("created_at", keys=("created_at",)),
    }  # fmt: skip
    return dict(made)


# Whether anything is said at all.
SAYS = "(_text IS NOT NULL OR _note[1] IS NOT NULL)"
