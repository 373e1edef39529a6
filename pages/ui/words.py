"""Words that are data, for places that read Markdown."""

from __future__ import annotations

import re
from typing import Any

_ADDRESS = re.compile(r"(https?://[\w./%?=&~-]+)")  # becomes a link by itself, and would show what is escaped in it
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&^=])")
_SHORTHAND = re.compile(r"(?<=:)(?=[\w+-]+[:\[/])|(?<=[-<])(?=[->])")  # within ":cat:", ":red[…]", "->" and "--"


def plain(text: Any) -> str:
    r"""Titles, ids and messages as they are written, whatever marks they hold.

    >>> print(plain("*batteries not included (1987) <b>"))
    \*batteries not included \(1987\) \<b\>
    """
    return "".join(
        piece if _ADDRESS.fullmatch(piece) else _MARKS.sub(r"\\\1", _SHORTHAND.sub("\u2060", piece))
        for piece in _ADDRESS.split(str(text))
    )


def duration(seconds: float) -> str:
    """A time that something takes, with the digits it deserves.

    >>> [duration(seconds) for seconds in (0.4, 7.26, 42.0, 250.0, 5000.0)]
    ['0.4 s', '7.3 s', '42 s', '4 min 10 s', '1 h 23 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def roughly(seconds: float) -> str:
    """A time that is only estimated.

    >>> [roughly(seconds) for seconds in (0.2, 42.4, 250.0, 9000.0)]
    ['1 s', '42 s', '4 min', '2.5 h']
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
