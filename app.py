"""The dashboard: `streamlit run app.py`."""

import streamlit as st

from pages.ui import frame

st.set_page_config(page_title="recengine", page_icon=frame.MARK, layout="wide", initial_sidebar_state=266)
page = frame.navigation()
frame.measure_screen()
with frame.sentences():
    frame.choose_data()
    page.run()
