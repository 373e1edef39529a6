"""A person at a glance: how much, how high and how strictly they rated, and what they like."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui import charts, frame, state
from recengine.describe import percent


def portrait(data: str, user_id: Any) -> None:
    """Three numbers and the taste by genre."""
    person = state.person(data, user_id)
    with st.grid(3, min_column_width=72):
        st.metric("Ratings", f"{person.n_ratings:,}")
        if person.mean is not None:
            st.metric("Mean", f"{person.mean:.1f}")
        if person.stricter_than is not None:
            st.metric("Stricter than", percent(person.stricter_than))
    drawn = charts.taste(person.genres)
    frame.chart(drawn.figure, drawn.says)
