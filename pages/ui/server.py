"""What the server does once, when it starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import Thread
from typing import Any

from streamlit import config
from streamlit.cli_util import open_browser
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.server.server_util import get_url

from pages.ui import controls, frame, state
from recengine.answers import StoredPerson


@asynccontextmanager
async def started(_: Any) -> AsyncIterator[None]:
    """Route, prepare the first page while the browser is still on its way, and send it there."""
    # Until the first `st.navigation`, a server would look for pages in `pages/` itself, and greet the first deep link
    # with "Page not found" over the page.
    PagesManager.uses_pages_directory = False
    Thread(target=make_first_answer, daemon=True).start()
    if not config.get_option("server.headless"):  # an st.App is not opened by `streamlit run`, as a script would be
        asyncio.get_running_loop().call_later(0.2, open_browser, get_url("localhost"))
    yield


def make_first_answer() -> None:
    """Load the first data, build the kernels and fit the first model, so that the first look finds them made."""
    with suppress(Exception):  # whatever is wrong, the page itself will say it to somebody who can read it
        lab = state.lab()
        someone = StoredPerson(lab.interesting_people(frame.FIRST_DATA)[0])
        lab.recommend(frame.FIRST_DATA, lab.model(controls.FIRST_MODEL), someone)
