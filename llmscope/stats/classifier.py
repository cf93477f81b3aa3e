"""A linear classifier of vectors, taught on some folds and asked about the others, for many labellings at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

FOLDS = 5
# Directions kept, and rows for each of them: the classifier learns nothing from many directions and few rows.
DIRECTIONS, ROWS_A_DIRECTION = 64, 20
RIDGE = 0.1


def projected(vectors: Array) -> Array:
    """The first principal directions, centred, each scaled so that the first has spread 1."""
    import numpy as np

    x = vectors.astype(float) - vectors.mean(axis=0)
    kept = max(min(DIRECTIONS, len(x) // ROWS_A_DIRECTION, x.shape[1]), 1)
    values, directions = np.linalg.eigh(x.T @ x / len(x))
    return np.asarray(x @ directions[:, ::-1][:, :kept] / max(float(values[-1]), 1e-12) ** 0.5)


def scored(x: Array, fold: Array, labels: Array, one: int) -> Array:
    """The scores of one fold's rows by ridge regression on all others: a row a labelling.

    Rounded, so that prompts that are the same to the letter have the same score.
    """
    import numpy as np

    taught = fold != one
    y = labels[:, taught] - labels[:, taught].mean(axis=1, keepdims=True)
    own = x[taught] - x[taught].mean(axis=0)
    gram = own.T @ own
    ridge = max(RIDGE * float(np.trace(gram)) / len(gram), 1e-12)
    score = (x[~taught] @ np.linalg.solve(gram + ridge * np.eye(len(gram)), own.T @ y.T)).T
    return np.asarray(np.round(score / np.maximum(np.abs(score).max(axis=1, keepdims=True), 1e-12), 9))


def aucs(x: Array, fold: Array, labels: Array) -> Array:
    """The area under the curve of each labelling, folds weighted by their pairs; .5 where no fold has both labels."""
    import numpy as np

    total, pairs = np.zeros(len(labels)), np.zeros(len(labels))
    for one in range(FOLDS):
        asked = labels[:, fold == one]
        score = scored(x, fold, labels, one)
        ranks = middle_ranks(score)
        late = asked.sum(axis=1)
        total += (ranks * asked).sum(axis=1) - late * (late + 1) / 2
        pairs += late * (asked.shape[1] - late)
    return np.asarray(np.where(pairs > 0, total / np.maximum(pairs, 1), 0.5))


def middle_ranks(score: Array) -> Array:
    """Ranks along each row from 1, equal scores sharing theirs: the same prompt is often sent again."""
    import numpy as np

    order, place = np.argsort(score, axis=1), np.arange(score.shape[1])
    ordered = np.take_along_axis(score, order, axis=1)
    other = np.ones(score.shape, dtype=bool)
    other[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(other, place, 0), axis=1)
    ends = np.roll(other, -1, axis=1)
    ends[:, -1] = True
    last = np.minimum.accumulate(np.where(ends, place, len(place))[:, ::-1], axis=1)[:, ::-1]
    found = np.empty(score.shape)
    np.put_along_axis(found, order, (first + last) / 2 + 1, axis=1)
    return found


def as_large(drawn: Array) -> float:
    """The share of labellings, the true one (first) among them, that do as well."""
    return float((drawn >= drawn[0] - 1e-12).mean())
