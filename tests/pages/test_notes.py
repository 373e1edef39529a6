"""What a model must say of itself stands under its list, letter by letter."""

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from recengine.lab import Lab

pytestmark = pytest.mark.usefixtures("cold_store")

APP = Path(__file__).parents[2] / "app.py"
NOTE = "40 ratings are too few: *all* children weigh the same."


def small(notes: tuple[str, ...], monkeypatch) -> list[str]:
    """What the page says in small letters when its list comes with these notes."""
    plain = Lab.recommend
    monkeypatch.setattr(Lab, "recommend", lambda self, *asked, **how: replace(plain(self, *asked, **how), notes=notes))
    st.cache_resource.clear()
    app = AppTest.from_file(str(APP), default_timeout=240).switch_page("pages/recommend/person.py")
    app.query_params["model"] = "bias"
    app.run()
    assert not app.exception, app.exception
    assert len(app.dataframe[0].value) == 10
    return [text.value for text in app.markdown if text.value.startswith(":small[")]


def test_a_note_stands_under_the_list_and_only_where_there_is_one(monkeypatch):
    without, noted = small((), monkeypatch), small((NOTE,), monkeypatch)
    assert noted == [*without, r":small[40 ratings are too few: \*all\* children weigh the same\.]"]
