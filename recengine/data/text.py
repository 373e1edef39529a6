"""Bytes to text, and text to numbers and moments, without ever giving up on a whole file for one bad byte."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

from recengine.errors import DataError

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*|,[0-9]+)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}([-/])[0-9]{2}\1[0-9]{2}|(?:19|20)[0-9]{6}$")
_UTC, _BLANK_BEFORE_ZONE = re.compile(r" *(?:UTC|GMT)$", re.IGNORECASE), re.compile(r" +(?=[+-][0-9]{2}:?[0-9]{2}$)")
_MISSING = {"na", "n/a", "nan", "null", "none", "\\n"}
_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_CONTROL = bytes(c for c in range(32) if c not in b"\t\n\f\r\x1a") + b"\x7f"
_BINARY_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PAR1", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"SQLite format 3")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOOK = 1 << 16

SEPARATOR = "\x01"  # never left in a decoded text, so it can stand for any delimiter


@dataclass(frozen=True)
class Text:
    """A file's text as clean UTF-8 with "\\n" line ends; `repaired` counts the characters that had to be guessed."""

    data: bytes
    encoding: str
    repaired: int


def decode(raw: bytes, name: str) -> Text:
    """The text of a file: gzip, UTF-16 with a byte order mark, UTF-8, and Latin-1 for every byte that is not UTF-8.

    Raises `DataError` for a damaged gzip file and for one that holds no text. Cost: O(bytes).
    """
    raw = _gunzipped(raw, name)
    if raw.startswith(_UTF16):
        text = raw.decode("utf-16", "replace")
        return _clean(text.encode(), "UTF-16", text.count("\ufffd"))
    _refuse_binary(raw, name)
    if raw.startswith(codecs.BOM_UTF8):
        raw = raw[len(codecs.BOM_UTF8) :]
    try:
        if not raw.isascii():
            raw.decode("utf-8")
    except UnicodeDecodeError:
        text, repaired = _mixed(raw)
        return _clean(text.encode(), "UTF-8 and Latin-1", repaired)
    return _clean(raw, "UTF-8", 0)


def number(text: str) -> float | None:
    """A decimal number, with a point or a comma; None for anything else, infinities and NaN included.

    >>> number("3.5"), number(" 3,5 "), number("1e400"), number("five")
    (3.5, 3.5, None, None)
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace(",", "."))
    return value if abs(value) < float("inf") else None


def truth(text: str) -> float | None:
    """1 for true and yes, 0 for false and no, None for anything else."""
    return _TRUTH.get(text.strip().lower())


def is_missing(text: str) -> bool:
    """Whether this is a word that programs write where there is no value, such as "NA"."""
    return text.strip().lower() in _MISSING


def date(text: str) -> float | None:
    """Unix seconds of an ISO 8601 date or date and time; without a zone it is UTC. None for anything else.

    >>> date("1970-01-02"), date("1970/01/01 00:01"), date("1970-01-01T01:00:00+01:00"), date("yesterday")
    (86400.0, 60.0, 0.0, None)
    >>> date("20200101") == date("2020-01-01 00:00:00 UTC") == date("2020-01-01 01:00 +0100")
    True
    """
    text = text.strip()
    if not _DATE.match(text):
        return None
    try:
        text = _BLANK_BEFORE_ZONE.sub("", _UTC.sub("Z", text))
        moment = datetime.fromisoformat(text.replace("/", "-"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _gunzipped(raw: bytes, name: str) -> bytes:
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error):
        raise DataError(f"{name} is a damaged gzip file: download or export it again.") from None


def _refuse_binary(raw: bytes, name: str) -> None:
    start = raw[:_LOOK]
    control = len(start) - len(start.translate(None, _CONTROL))
    if raw.startswith(_BINARY_STARTS) or control * 20 > len(start):
        raise DataError(f"{name} is not a text file: save the table as CSV in UTF-8 and choose that file.")


def _mixed(raw: bytes) -> tuple[str, int]:
    # Byte by byte, so that a Latin-1 file and a UTF-8 file with a few bad bytes need no guess which of both it is,
    # and ids that differ in a bad byte stay different.
    repaired = 0

    def latin_1(error: UnicodeError) -> tuple[str, int]:
        nonlocal repaired
        assert isinstance(error, UnicodeDecodeError)
        bad = error.object[error.start : error.end]
        repaired += len(bad)
        return bad.decode("latin-1"), error.end

    codecs.register_error("recengine.latin-1", latin_1)
    return raw.decode("utf-8", "recengine.latin-1"), repaired


def _clean(data: bytes, encoding: str, repaired: int) -> Text:
    # NUL would vanish at the end of a numpy string, and the separator stands for delimiters.
    for control in (b"\0", SEPARATOR.encode()):
        if control in data:
            repaired += data.count(control)
            data = data.replace(control, "\ufffd".encode())
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return Text(data, encoding, repaired)
