"""What if I liked these?"""

import streamlit as st

from pages.ui import controls, frame, rated, state
from pages.ui.ranking import answer
from recengine.answers import Visitor

data = frame.data()
st.title("What if I liked these?", anchor=False)
notes = st.container()
choices, result = st.columns([2, 5], gap="medium")
mine = rated.rated(data, notes)
with choices:
    liked = st.container(border=True)
    with frame.panel("Algorithm, filters, length"):
        asked = controls.asked(data, notes, visitors=True)
    with liked:
        rated.search(data, mine)
        if state.models()[asked.model].traits.sequence:
            rated.in_order(data, mine)
        else:
            rated.shelf(data, mine)
with result:
    if mine:
        answer(data, asked, Visitor(tuple((one.movie.item_id, one.value) for one in mine)))
    else:
        st.text("Add movies you like, or start from a shelf: the list follows at once, without training anything anew.")
        rated.examples(data)
