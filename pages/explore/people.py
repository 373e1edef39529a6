"""Who is someone in the data?"""

import streamlit as st

from pages.ui import address, controls, frame, people, portrait, state
from pages.ui.words import plain

data = frame.data()
title, notes = st.container(), st.container()
choices, result = st.columns([2, 5], gap="medium")
with choices:
    with st.container(border=True):
        person = controls.person(data, notes)
        portrait.numbers(state.person(data, person))
    address.link("pages/recommend/person.py", "What should they watch next?", person=str(person))
title.title(f"Who is person {plain(person)}?", anchor=False)
with result:
    if state.person(data, person).n_ratings == 0:
        st.text("Nobody knows: this person has no ratings in these data.")
    else:
        st.markdown(people.lead(data, person))
        frame.cards(people.cards(data, person))
        st.header("What did they rate?", anchor=False)
        people.rated(data, person)
