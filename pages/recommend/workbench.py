"""What if several algorithms decide together?"""

import streamlit as st

from pages.ui import frame, workbench

st.title("What if several algorithms decide together?", anchor=False)
workbench.bench(frame.data())
