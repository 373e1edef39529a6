"""Answers → tables and cards. A title is data: tables show text as it is, cards show it escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import charts
from pages.ui.theme import shorten
from recengine.answers import GivenBack, Reason, Recommended, Similar
from recengine.wording import short_title

_SCORE = "What the list is ranked by; no number of stars."
_WHY = 78, 62  # characters: three lines of its column, alone and where a deviation takes some of its width
_TITLE = 28, 23  # characters: one line of a column, on a wide and on a narrow screen
_LOOK = ":material/arrow_forward:"


def dated(title: str, year: int | None) -> str:
    """A title with its year, once.

    >>> dated("Heat (1995)", 1995), dated("Heat", 1995), dated("Heat", None)
    ('Heat (1995)', 'Heat (1995)', 'Heat')
    """
    return title if year is None or title.endswith(f"({year})") else f"{title} ({year})"


def ranked(items: Sequence[Recommended]) -> pd.DataFrame:
    """A ranked list as a table, one row a movie."""
    predicted = [item.score if item.stars is None else item.stars for item in items]
    unsure = _unsure(items)
    deviation = {"deviation": [item.deviation for item in items]} if unsure else {}
    why = [f"Fallback: {item.reason}" if item.fallback else item.reason for item in items]
    return pd.DataFrame(
        {
            "rank": [item.rank for item in items],
            "movie": [dated(short_title(item.title), item.year) for item in items],
            "predicted": predicted,
            **deviation,
            "why": [_cut(reason, _WHY[unsure]) for reason in why],
            "genres": [", ".join(item.genres[:3]) for item in items],
            "ratings": [item.ratings for item in items],
        }
    )


def ranked_columns(items: Sequence[Recommended], scale: charts.Scale, n_people: int) -> dict[str, Any]:
    """How the columns of `ranked` are shown, at widths that fit beside the choices."""
    column = st.column_config
    return {
        "rank": column.NumberColumn("#", width=34),
        "movie": column.TextColumn("Movie", width=164),
        "genres": column.TextColumn("Genres", width=104),
        "predicted": _predicted(items, scale),
        "deviation": column.NumberColumn(
            "±",
            width=50,
            format="± %.1f",
            help="One standard deviation: two times in three the rating would lie this near to the prediction.",
        ),
        "why": column.TextColumn("Why", width=164 if _unsure(items) else 196),
        "ratings": column.NumberColumn(
            "Rated by", width=66, format="localized", help=f"How many of the {n_people:,} people rated it."
        ),
    }


def near(items: Sequence[Similar]) -> pd.DataFrame:
    """The movies nearest to one as a table, one row a movie, and a way to it."""
    return pd.DataFrame(
        {
            "rank": [item.rank for item in items],
            "movie": [dated(shorten(short_title(item.title), _TITLE[0]), item.year) for item in items],
            "genres": [", ".join(item.genres[:2]) for item in items],
            "similarity": [item.similarity for item in items],
            "common": [item.common for item in items],
            "ratings": [item.ratings for item in items],
            "look": _LOOK,
        }
    )


def near_columns(go: Callable[[], None], key: str) -> dict[str, Any]:
    """How the columns of `near` are shown; `go` is called where the way is taken."""
    column = st.column_config
    return {
        "rank": column.NumberColumn("#", width=34),
        "movie": column.TextColumn("Movie", width=216),
        "genres": column.TextColumn("Genres", width=136),
        "similarity": column.ProgressColumn("Similarity", min_value=0.0, max_value=1.0, format="%.2f", width=106),
        "common": column.NumberColumn(
            "In common", width=84, format="localized", help="How many people rated both movies."
        ),
        "ratings": column.NumberColumn("Rated by", width=72, format="localized", help="How many people rated it."),
        "look": _way(go, key),
    }


def rated(history: pd.DataFrame, *, narrow: bool) -> pd.DataFrame:
    """A person's ratings as a table, one row a movie, and a way to it; nothing of what the data do not hold."""
    pairs = zip(history["title"], history["year"], strict=True)
    table = pd.DataFrame(
        {
            "movie": [dated(shorten(short_title(title), _TITLE[narrow]), year) for title, year in pairs],
            "genres": [", ".join(genres[:2]) or None for genres in history["genres"]],
            "rating": history["rating"].astype(float).to_numpy(),
            "difference": history["difference"].astype(float).to_numpy(),
            "day": [None if time is None else time.partition("T")[0] for time in history["time"]],
            "look": _LOOK,
        }
    ).dropna(axis="columns", how="all")
    return table.drop(columns=["genres", "difference", "day"], errors="ignore") if narrow else table


def rated_columns(go: Callable[[], None], key: str, *, narrow: bool) -> dict[str, Any]:
    """How the columns of `rated` are shown; `go` is called where the way is taken."""
    column = st.column_config
    return {
        "movie": column.TextColumn("Movie", width=190 if narrow else 246),
        "genres": column.TextColumn("Genres", width=140),
        "rating": column.NumberColumn("Rating", format="★ %g", width=70),
        "difference": column.NumberColumn(
            "Against mean", format="%+.1f", width=96, help="The rating minus the movie's mean over everyone."
        ),
        "day": column.TextColumn("Rated on", width=92),
        "look": _way(go, key),
    }


def parts(reasons: Sequence[Reason]) -> pd.DataFrame:
    """What carried a score, as a table: one row a part, strongest first."""
    rows = sorted(reasons, key=lambda reason: -abs(reason.weight))
    return pd.DataFrame(
        {
            "what": [reason.what for reason in rows],
            "rating": [reason.rating for reason in rows],
            "similarity": [reason.similarity for reason in rows],
            "weight": [reason.weight for reason in rows],
            "attention": [None if reason.attention is None else 100 * reason.attention for reason in rows],
        }
    ).dropna(axis="columns", how="all")


def parts_columns(*, narrow: bool) -> dict[str, Any]:
    """How the columns of `parts` are shown."""
    column = st.column_config
    return {
        "what": column.TextColumn("What carried it", width=110 if narrow else "medium"),
        "rating": column.NumberColumn("Rating", format="★ %g", width="small"),
        "similarity": column.NumberColumn("Similarity", format="%.2f", width="small"),
        "weight": column.NumberColumn("Adds to the score", format="%+.3f", width="small"),
        "attention": column.NumberColumn(
            "Attention",
            format="%.1f %%",
            width="small",
            help="Where the network looked, which need not be what decided.",
        ),
    }


def given_back(ratings: Sequence[GivenBack], *, narrow: bool) -> pd.DataFrame:
    """Ratings beside what a network gives back, one row a movie."""
    table = pd.DataFrame(
        {
            "movie": [shorten(one.title, _TITLE[1]) if narrow else one.title for one in ratings],
            "rating": [one.rating for one in ratings],
            "given_back": [one.given_back for one in ratings],
            "difference": [one.given_back - one.rating for one in ratings],
        }
    )
    return table.drop(columns="difference") if narrow else table


def given_back_columns(*, narrow: bool) -> dict[str, Any]:
    """How the columns of `given_back` are shown."""
    column = st.column_config
    return {
        "movie": column.TextColumn("Movie", width=150 if narrow else 380),
        "rating": column.NumberColumn("Rated", format="★ %g", width=60 if narrow else 90),
        "given_back": column.NumberColumn("Given back", format="★ %.2f", width=90),
        "difference": column.NumberColumn("Difference", format="%+.2f", width=90),
    }


def score(item: Recommended) -> str:
    """A movie's predicted stars, with their deviation where known, or its score without stars."""
    if item.stars is not None and item.deviation is not None:
        return f"★ {item.stars:.1f} ± {item.deviation:.1f}"
    return f"★ {item.stars:.2f}" if item.stars is not None else f"score {charts.amount(item.score)}"


def _unsure(items: Sequence[Recommended]) -> bool:
    """Whether the model says how far off it may be, in stars."""
    return any(item.deviation is not None and item.stars is not None for item in items)


def _cut(reason: str, length: int) -> str:
    r"""A reason cut to a length, after a whole part of it where possible.

    >>> _cut("Its directors +0.97, its year +0.36, its genres +0.30", 40)
    'Its directors +0.97, its year +0.36\xa0…'
    """
    if len(reason) <= length:
        return reason
    whole, comma, _ = reason[: length - 1].rpartition(", ")
    return f"{whole}\u00a0…" if comma and len(whole) > length // 2 else shorten(reason, length)


def _way(go: Callable[[], None], key: str) -> Any:
    return st.column_config.ButtonColumn("Look", width=52, type="tertiary", on_click=go, key=key)


def _predicted(items: Sequence[Recommended], scale: charts.Scale) -> Any:
    column = st.column_config
    if scale and all(item.stars is not None for item in items):
        shape, width = ("%.1f", 88) if _unsure(items) else ("%.2f", 106)
        return column.ProgressColumn(
            "Predicted", min_value=scale[0], max_value=scale[1], format=shape, width=width, help="The predicted stars."
        )
    best = max((item.score for item in items), default=0.0)
    whole = all(float(item.score).is_integer() for item in items)
    shape = "%d" if whole else "%.2f" if best >= 1 else "%.3f"
    if best > 0 and all(item.score >= 0 for item in items):
        return column.ProgressColumn(
            "Score", min_value=0.0, max_value=float(best), format=shape, width=106, help=_SCORE
        )
    return column.NumberColumn("Score", format=shape, width=106, help=_SCORE)
