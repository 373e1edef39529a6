"""The page on the data in words: its first sentence, its sizes, and what to beware of."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from pages.ui.words import plain
from recengine.describe import Description, percent


def lead(data: Description) -> str:
    """Who rated what, and when, in one or two sentences of Markdown."""
    said = (
        f"**{counted(data.n_people, 'person', 'people')}** gave **{counted(data.n_ratings, 'rating', 'ratings')}** "
        f"to **{counted(data.n_movies, 'movie', 'movies')}**"
    )
    if data.first and data.last:
        first, last = (date.rsplit("-", 2)[0] for date in (data.first, data.last))
        said += f" in {first}" if first == last else f" between {first} and {last}"
    if not data.density:
        return f"{said}."
    return f"{said}: {share(data.density)} of all pairs of a person and a movie. The rest is there to be predicted."


def sizes(data: Description) -> list[tuple[str, str, str]]:
    """The sizes of the data: name, value, and what it counts."""
    unrated = data.n_movies - data.n_rated_movies
    found = [
        ("People", f"{data.n_people:,}", "People in the data, with or without ratings."),
        ("Movies", f"{data.n_movies:,}", f"Movies in the catalogue; {unrated:,} of them have no rating."),
        ("Ratings", f"{data.n_ratings:,}", "Ratings, at most one for a person and a movie."),
    ]
    if data.density is not None:
        found.append(("Filled cells", share(data.density), "Ratings over all pairs of a person and a movie."))
    if data.mean is not None:
        found.append(("Mean rating", f"{data.mean:.2f}", f"The mean of all ratings{scale(data, ', on a scale')}."))
    return found


def beware(data: Description) -> None:
    """What an analyst must know before trusting a model, in one calm box."""
    if data.warnings:
        lines = "\n".join(f"- {plain(warning)}" for warning in data.warnings)
        st.warning(lines, title="Before you trust a model on these data", icon=":material/visibility:")


def counted(n: int, one: str, many: str) -> str:
    """A number with its noun.

    >>> counted(1, "person", "people"), counted(1200, "person", "people")
    ('1 person', '1,200 people')
    """
    return f"{n:,} {one if n == 1 else many}"


def share(part: float) -> str:
    """A share with the two digits it deserves.

    >>> share(0.0164), share(0.000031), share(0.63)
    ('1.6 %', '0.0031 %', '63 %')
    """
    return percent(part) if part >= 0.1 else f"{Decimal(f'{100 * part:.2g}'):f} %"


def scale(data: Description, before: str) -> str:
    """The rating scale as the end of a sentence, empty where there is none."""
    return f"{before} from {data.scale[0]:g} to {data.scale[1]:g}" if data.scale else ""
