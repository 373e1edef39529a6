"""What the server does when it starts."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager

from pages.ui import server


@pytest.mark.parametrize("headless", [True, False])
def test_starting_makes_the_first_answer_and_opens_a_browser_where_there_is_one(monkeypatch, headless):
    made, opened = [], []
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    monkeypatch.setattr(server, "make_first_answer", lambda: made.append(True))
    monkeypatch.setattr(server, "open_browser", opened.append)
    monkeypatch.setattr(config, "get_option", lambda name: headless if name == "server.headless" else None)
    monkeypatch.setattr(server, "get_url", lambda host: f"http://{host}:8501")

    async def start() -> None:
        async with server.started(None):
            await asyncio.sleep(0.5)

    # In a thread of its own, since browser tests leave their event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, start()).result()
    assert made == [True]
    assert opened == ([] if headless else ["http://localhost:8501"])
    assert PagesManager.uses_pages_directory is False


def test_the_first_answer_is_the_one_that_the_first_page_asks_for(monkeypatch):
    asked = []

    class Recorder:
        def interesting_people(self, data):
            return [7]

        def model(self, name):
            return name

        def recommend(self, *question):
            asked.append(question)

    monkeypatch.setattr(server.state, "lab", Recorder)
    server.make_first_answer()
    assert asked == [("demo", "item-knn", server.StoredPerson(7))]


def test_a_first_answer_that_fails_leaves_the_server_up(monkeypatch):
    def broken():
        raise RuntimeError("no data")

    monkeypatch.setattr(server.state, "lab", broken)
    server.make_first_answer()
