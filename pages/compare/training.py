"""How does a network learn, and when should it stop?"""

import streamlit as st

from pages.ui import frame, state, training

data = frame.data()
runs = state.runs(data)
st.title("How does a network learn, and when should it stop?", anchor=False)
notes = st.container()
choices, answer = st.columns([2, 5], gap="medium")
with choices:
    with frame.panel("Network, parameters"):
        asked = training.choose(data, notes)
    training.starter(asked, runs)
with answer:
    training.going_on(asked)
    training.outcome(asked, runs)
training.earlier(runs)
