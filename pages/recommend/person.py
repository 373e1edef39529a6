"""What should someone in the data watch next, and why?"""

import streamlit as st

from pages.ui import controls, frame
from pages.ui.portrait import portrait
from pages.ui.ranking import answer
from pages.ui.words import plain
from recengine.answers import StoredPerson

data = frame.data()
title, notes = st.container(), st.container()
choices, result = st.columns([2, 5], gap="medium")
with choices:
    person = controls.person(data, notes)
    with frame.panel("Their taste"):
        portrait(data, person)
    with frame.panel("Algorithm, filters, length"):
        asked = controls.asked(data, notes)
title.title(f"What should person {plain(person)} watch next, and why?", anchor=False)
with result:
    answer(data, asked, StoredPerson(person))
