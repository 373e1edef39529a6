"""What is a movie, and what is close to it?"""

import streamlit as st

from pages.ui import address, controls, frame, movies, rated
from pages.ui.words import plain

data = frame.data()
title, notes = st.container(), st.container()
choices, result = st.columns([2, 5], gap="medium")
movie = movies.choose(data, notes)
title.title(f"What is {plain(movies.name(movie))}, and what is close to it?", anchor=False)
with choices:
    with st.container(border=True):
        movies.search(data)
    with st.container(border=True):
        movies.portrait(data, movie)
    with frame.panel("How movies are compared"):
        parameters = movies.compared()
        k = controls.length()
    address.link("pages/recommend/movies.py", "What else, if I like it?", rated=rated.as_liked(data, movie))
with result:
    frame.cards(movies.cards(data, movie))
    st.header("What is close to it?", anchor=False)
    movies.near(data, movie, parameters, k)
