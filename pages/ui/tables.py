"""Answers → tables and cards. A title is data: tables show text as it is, cards show it escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import charts
from pages.ui.theme import shorten
from recengine.answers import Reason, Recommended
from recengine.wording import short_title

_SCORE = "What the list is ranked by; no number of stars."
_WHY = 78  # characters: three lines of its column

Scale = tuple[float, float] | None


def dated(title: str, year: int | None) -> str:
    """A title with its year, once.

    >>> dated("Heat (1995)", 1995), dated("Heat", 1995), dated("Heat", None)
    ('Heat (1995)', 'Heat (1995)', 'Heat')
    """
    return title if year is None or title.endswith(f"({year})") else f"{title} ({year})"


def ranked(items: Sequence[Recommended]) -> pd.DataFrame:
    """A ranked list as a table, one row a movie."""
    predicted = [item.score if item.stars is None else item.stars for item in items]
    return pd.DataFrame(
        {
            "rank": [item.rank for item in items],
            "movie": [dated(short_title(item.title), item.year) for item in items],
            "genres": [", ".join(item.genres[:3]) for item in items],
            "predicted": predicted,
            "why": [shorten(f"Fallback: {item.reason}" if item.fallback else item.reason, _WHY) for item in items],
            "ratings": [item.ratings for item in items],
        }
    )


def ranked_columns(items: Sequence[Recommended], scale: Scale, n_people: int) -> dict[str, Any]:
    """How the columns of `ranked` are shown, at widths that fit beside the choices."""
    column = st.column_config
    return {
        "rank": column.NumberColumn("#", width=34),
        "movie": column.TextColumn("Movie", width=164),
        "genres": column.TextColumn("Genres", width=104),
        "predicted": _predicted(items, scale),
        "why": column.TextColumn("Why", width=196),
        "ratings": column.NumberColumn(
            "Rated by", width=66, format="localized", help=f"How many of the {n_people:,} people rated it."
        ),
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
        }
    ).dropna(axis="columns", how="all")


def parts_columns() -> dict[str, Any]:
    """How the columns of `parts` are shown."""
    column = st.column_config
    return {
        "what": column.TextColumn("What carried it", width="medium"),
        "rating": column.NumberColumn("Rating", format="★ %g", width="small"),
        "similarity": column.NumberColumn("Similarity", format="%.2f", width="small"),
        "weight": column.NumberColumn("Adds to the score", format="%+.3f", width="small"),
    }


def score(item: Recommended) -> str:
    """A movie's predicted stars, or its score where the model does not predict ratings."""
    return f"★ {item.stars:.2f}" if item.stars is not None else f"score {charts.amount(item.score)}"


def _predicted(items: Sequence[Recommended], scale: Scale) -> Any:
    column = st.column_config
    if scale and all(item.stars is not None for item in items):
        return column.ProgressColumn(
            "Predicted", min_value=scale[0], max_value=scale[1], format="%.2f", width=106, help="The predicted stars."
        )
    best = max((item.score for item in items), default=0.0)
    whole = all(float(item.score).is_integer() for item in items)
    shape = "%d" if whole else "%.2f" if best >= 1 else "%.3f"
    if best > 0 and all(item.score >= 0 for item in items):
        return column.ProgressColumn(
            "Score", min_value=0.0, max_value=float(best), format=shape, width=106, help=_SCORE
        )
    return column.NumberColumn("Score", format=shape, width=106, help=_SCORE)
