"""A guard for what grows with the square of the data: refuse beforehand, not halfway."""

from __future__ import annotations

import psutil

from recengine.errors import ModelError

_SHARE = 0.8  # of the free memory that one model may take


def require(wanted: int, what: str, way_out: str) -> None:
    """Raise `ModelError` when `wanted` bytes are more than the machine can spare now.

    `what` needs them ("EASE on 87,000 movies"); `way_out` says what to do instead ("choose ials").
    """
    free = psutil.virtual_memory().available
    if wanted > _SHARE * free:
        raise ModelError(f"{what} needs {_size(wanted)} of memory and {_size(free)} are free: {way_out}.")


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
