"""What is in these ratings, and what should one beware of?"""

import streamlit as st

from pages.ui import distributions, frame, overview, state

st.title("What is in these ratings?", anchor=False)
description = state.description(frame.data())
st.markdown(overview.lead(description))
sizes = overview.sizes(description)
with st.grid(len(sizes), min_column_width=130):
    for name, value, told in sizes:
        st.metric(name, value, help=told, border=True)
overview.beware(description)
grid = frame.cards(distributions.cards(description))
if not description.genres.empty:
    with grid.cell():
        st.header("How much is there of each genre?", anchor=False)
        distributions.genre_table(description)
