"""A person at a glance: how much, how high and how strictly they rated, and what they like."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui import address, charts, frame, state
from recengine.describe import percent
from recengine.profile import Person


def portrait(data: str, user_id: Any) -> None:
    """Three numbers, the taste by genre, and a way to know more."""
    person = state.person(data, user_id)
    numbers(person)
    drawn = charts.taste(person.genres)
    frame.chart(drawn.figure, drawn.says)
    address.link("pages/explore/people.py", "More about them", person=str(user_id))


def numbers(person: Person) -> None:
    """How many ratings, their mean, and how strict they are among the others."""
    with st.grid(3, min_column_width=72):
        st.metric("Ratings", f"{person.n_ratings:,}")
        if person.mean is not None:
            st.metric("Mean", f"{person.mean:.1f}")
        if person.stricter_than is not None:
            st.metric("Stricter than", percent(person.stricter_than))
