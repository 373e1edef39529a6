"""What became of a file's rows, in numbers and in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from recengine.data.fields import DELIMITERS


@dataclass(frozen=True)
class Example:
    """One line that was left out: its number in the file, counted from 1, and its text, clipped."""

    line: int
    text: str


@dataclass(frozen=True)
class Skipped:
    """Rows left out for one reason ("had no rating"), and the first few of them."""

    reason: str
    rows: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class ImportReport:
    """How a table was read and what was done to its rows.

    `rows` = `kept` + `duplicates` + the rows of every entry in `skipped`; blank lines and the header are no rows.
    `delimiter` as in `fields.DELIMITERS`; `repaired`: characters that were not valid in the encoding.
    `user`, `item`, `rating`, `time`, `title`: the columns read, by name or by position counted from 1 ("column 3").
    `scale`: lowest and highest rating, None without ratings. `notes`: whole sentences on anything assumed and on
    columns that were not read.
    """

    name: str
    rows: int
    kept: int
    duplicates: int
    skipped: tuple[Skipped, ...]
    delimiter: str
    encoding: str
    repaired: int
    header: bool
    user: str
    item: str
    rating: str | None
    time: str | None
    scale: tuple[float, float] | None
    notes: tuple[str, ...] = ()
    title: str | None = None

    @property
    def clean(self) -> bool:
        """Whether every row was kept and nothing had to be repaired or assumed."""
        return self.rows == self.kept and not self.repaired and not self.notes

    def sentences(self) -> list[str]:
        """The report in plain words, most important first."""
        kept = "all kept" if self.kept == self.rows else f"{self.kept:,} kept"
        found = [f"{_count(self.rows, 'row')} read, {kept}."]
        found += [_left_out(skipped) for skipped in self.skipped]
        if self.duplicates:
            which = "the latest" if self.time else "the last one in the file"
            found.append(
                f"{_count(self.duplicates, 'row')} repeated a pair of user and item; {which} of each pair was kept."
            )
        if self.repaired:
            found.append(
                f"{_count(self.repaired, 'character')} could not be read as {self.encoding.split()[0]} and "
                f"{'was' if self.repaired == 1 else 'were'} replaced or read as Latin-1."
            )
        found += self.notes
        return [*found, self._form()]

    def _form(self) -> str:
        roles = {"user": self.user, "item": self.item, "rating": self.rating, "time": self.time, "title": self.title}
        columns = ", ".join(f"{role} from {column}" for role, column in roles.items() if column)
        header = "with a header" if self.header else "without a header"
        scale = f"; ratings from {self.scale[0]:g} to {self.scale[1]:g}" if self.scale else "; no ratings"
        return f"Read as {self.encoding}, separated by {DELIMITERS[self.delimiter]}, {header}: {columns}{scale}."


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _left_out(skipped: Skipped) -> str:
    verb = "was" if skipped.rows == 1 else "were"
    pointer = "it is" if skipped.rows == 1 else "the first is"
    first = skipped.examples[0]
    return (
        f"{_count(skipped.rows, 'row')} {skipped.reason} and {verb} left out; {pointer} line {first.line}: {first.text}"
    )
