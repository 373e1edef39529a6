"""The dashboard: `streamlit run app.py`. Read once as a server, and run as a script for every look at a page."""

import streamlit as st

from pages.ui import frame

if __name__ == "__main__":
    frame.show()
else:
    from pages.ui import server

    app = st.App(__file__, lifespan=server.started)
