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
