"""Words that are data, for places that read Markdown."""

from __future__ import annotations

import re
from typing import Any


def plain(text: Any) -> str:
    r"""Titles, ids and messages as they are written, whatever marks they hold.

    >>> print(plain("*batteries not included (1987) <b>"))
    \*batteries not included \(1987\) \<b\>
    """
    escaped = re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$&^=])", r"\\\1", str(text))
    return re.sub(r":(?=\S)", ":\u2060", escaped)  # a word joiner, or ":cat:" would become a picture
