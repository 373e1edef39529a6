"""Titles the way people read them: "Story of Us, The (1999)" is "The Story of Us (1999)"."""

from __future__ import annotations

import re

_ARTICLES = (
    "The|An|A|Le|La|Les|L'|L´|L’|Un|Une|El|Los|Las|Lo|Una|Il|Gli|I|Der|Die|Das|Den|Det|De|Het|Ein|Eine|En|Ett|Et|O"
)
# A name runs from one bracket to the next, so that an aside such as "(Voleurs, Les)" is mended on its own.
_INVERTED = re.compile(rf"(^|[()]\s*)(a\.?k\.?a\.? )?([^()]+), ({_ARTICLES})(?=\s*(?:[()]|$))")
_YEAR = re.compile(r"\(([12][0-9]{3})(?:[-–—]\s*(?:[12][0-9]{3})?)?\s*\)")


def readable(title: str) -> str:
    """The title with its article in front, in the title proper and in every aside, and single blanks.

    >>> readable("Story of Us, The (1999)")
    'The Story of Us (1999)'
    >>> readable("Star Maker, The (Uomo delle stelle, L') (1995) ")
    "The Star Maker (L'Uomo delle stelle) (1995)"
    >>> readable("Big Kahuna, The (a.k.a. Hospitality Suite, The) (2000)")
    'The Big Kahuna (a.k.a. The Hospitality Suite) (2000)'
    >>> readable("Maybe, Maybe Not (Bewegte Mann, Der) (1994)")
    'Maybe, Maybe Not (Der Bewegte Mann) (1994)'
    """
    return _INVERTED.sub(_in_order, " ".join(title.split()))


def year_of(title: str) -> int | None:
    """The year at the end of a title, the first one of a span; None where there is none.

    >>> year_of("2001: A Space Odyssey (1968)"), year_of("Fawlty Towers (1975-1979)"), year_of("1984")
    (1968, 1975, None)
    """
    found = _YEAR.findall(title)
    return int(found[-1]) if found else None


def _in_order(found: re.Match[str]) -> str:
    before, also, name, article = found.groups(default="")
    blank = "" if article.endswith(("'", "´", "’")) else " "
    return f"{before}{also}{article}{blank}{name}"
