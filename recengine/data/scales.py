"""The scale of ratings: as given, as usual, or as the ratings show it, with a sentence on all that is doubtful."""

from __future__ import annotations

import numpy as np

from recengine.data.dataset import Bool, Float32, Int64
from recengine.data.rows import Faults

Range = tuple[float, float]

_ASSUMED = (1.0, 5.0), (0.5, 5.0), (0.0, 1.0), (0.0, 10.0)
_USUAL_HIGHEST = 1, 5, 10, 100
_FEW, _PERCENT = 3, 1  # at most so many, or so many of 100, can be mistakes


def scale_of(
    value: Float32, given: Range | None, usual: Range | None, faults: Faults
) -> tuple[Range | None, tuple[str, ...]]:
    """The scale of the ratings in `value`, None when they are no ratings, and notes; what is off it is a fault.

    `usual` is the scale where none is given, unless more ratings are off it than can be mistakes: then theirs is.
    """
    valid = value[faults.keep]
    if not len(valid):
        return None, ()
    off = int(_outside(valid, usual).sum()) if usual else 0
    mistakes = off <= max(_FEW, len(valid) * _PERCENT // 100)
    given = given or (usual if mistakes else None)
    if given is None:
        scale, notes = _inferred(valid)
        if usual and not mistakes:
            kept = f"{off:,} of {len(valid):,} ratings are outside of the usual {usual[0]:g} to {usual[1]:g}: all kept."
            notes = (kept, *notes)
        return scale, notes
    scale = float(given[0]), float(given[1])
    faults.mark(_outside(value, scale), f"had a rating outside of {scale[0]:g} to {scale[1]:g}")
    return scale, ()


def _outside(value: Float32, scale: Range) -> Bool:
    outside: Bool = (value < scale[0]) | (value > scale[1])
    return outside


def _inferred(value: Float32) -> tuple[Range | None, tuple[str, ...]]:
    """The range of the ratings, None when they are no ratings, and a sentence on all that is doubtful about it."""
    distinct, count = np.unique(value, return_counts=True)
    low, high = _decimal(distinct[0]), _decimal(distinct[-1])
    if low < high:
        return (low, high), _doubts(distinct, count)
    if low == 1:
        return None, ("Every rating is 1, so they are read as “it happened” and not as a rating on a scale.",)
    usual = next((scale for scale in _ASSUMED if scale[0] <= low <= scale[1]), None)
    scale = usual or (min(0.0, low), max(0.0, low))
    return scale, (f"Every rating is {low:g}, so a scale from {scale[0]:g} to {scale[1]:g} is assumed.",)


def _doubts(distinct: Float32, count: Int64) -> tuple[str, ...]:
    """A sentence for each end of the scale that looks like a mistake or like a code for "not rated"."""
    below = _far(-distinct[::-1], count[::-1])
    above = len(distinct) - below
    first = _far(distinct[:above], count[:above])
    if not first and distinct[0] == -1 and distinct[1] >= 0 and distinct[above - 1] > 1 and above > 2:
        first = 1
    rest, n = distinct[first:above], int(count.sum())
    ends = (
        (distinct[:first], count[:first], "start at", rest[0]),
        (distinct[above:], count[above:], "reach", rest[-1]),
    )
    return tuple(
        f"{times.sum():,} of {n:,} ratings {'is' if times.sum() == 1 else 'are'} "
        f"{' or '.join(f'{value:g}' for value in values[:3])}{' or the like' if len(values) > 3 else ''}, "
        f"the others {verb} {end:g}: take such rows out of the file if they are no ratings."
        for values, times, verb, end in ends
        if len(values)
    )


def _far(distinct: Float32, count: Int64) -> int:
    """How many of the lowest values hardly a row holds, off the scale of the others and far from them."""
    few = np.flatnonzero(np.cumsum(count)[:-2] <= max(1, count.sum() // 1000)) + 1
    for n in few[::-1].tolist():
        odd, others = distinct[:n], distinct[n:]
        highest = next((highest for highest in _USUAL_HIGHEST if np.abs(others).max() <= highest), np.inf)
        same_sign = bool((odd < 0).any() == (others < 0).any())
        on_scale = same_sign and np.abs(odd).max() <= highest
        if not on_scale and others[0] - odd[-1] > others[-1] - others[0]:
            return int(n)
    return 0


def _decimal(value: np.float32) -> float:
    """The number as it was written, 0.1 and not 0.10000000149."""
    return float(str(np.float32(value)))
