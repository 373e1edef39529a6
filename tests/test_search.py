"""Search as one types, and the exact look-up of the command line."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recengine.search import TitleIndex, fold

TITLES = [
    "Heat (1995)",
    "Heat (1986)",
    "The Heat (2013)",
    "Heathers (1989)",
    "In the Heat of the Night (1967)",
    "Léon: The Professional (a.k.a. The Professional) (Léon) (1994)",
    "WALL·E (2008)",
    "E.T. the Extra-Terrestrial (1982)",
    "Spider-Man (2002)",
    "Die Hard (1988)",
    "Hamlet (2000)",
    "Hamlet (2000)",
    "Seven (a.k.a. Se7en) (1995)",
    "2012 (2009)",
    "Das Boot (1981)",
    "Love & Basketball (2000)",
    "Ocean's Eleven (2001)",
    "(500) Days of Summer (2009)",
    "$ (1971)",
    "Stranger Things",
    "A Theatre of Wheat (1999)",
]
COUNT = np.arange(len(TITLES), 0, -1)


@pytest.fixture(scope="module")
def index() -> TitleIndex:
    return TitleIndex.of(TITLES, COUNT)


def names(found) -> list[str]:
    return [TITLES[i] for i in found]


def test_ranks_title_then_article_then_prefix_then_words_then_letters(index):
    assert names(index.find("heat")) == [
        "Heat (1995)", "Heat (1986)", "The Heat (2013)", "Heathers (1989)", "In the Heat of the Night (1967)",
        "A Theatre of Wheat (1999)",
    ]  # fmt: skip


def test_ties_go_to_the_heavier():
    assert TitleIndex.of(["Heat (1986)", "Heat (1995)"], np.array([1, 9])).find("heat").tolist() == [1, 0]
    assert TitleIndex.of(["Heat (1986)", "Heat (1995)"]).find("heat").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("HEAT 1986", "Heat (1986)"),
        ("heat (1986)", "Heat (1986)"),
        ("leon", TITLES[5]),
        ("wall-e", "WALL·E (2008)"),
        ("walle", "WALL·E (2008)"),
        ("et", "E.T. the Extra-Terrestrial (1982)"),
        ("spiderman", "Spider-Man (2002)"),
        ("spider man", "Spider-Man (2002)"),
        ("die ha", "Die Hard (1988)"),
        ("boot, das", "Das Boot (1981)"),
        ("boot", "Das Boot (1981)"),
        ("love and bask", "Love & Basketball (2000)"),
        ("oceans", "Ocean's Eleven (2001)"),
        ("2012", "2012 (2009)"),
        ("500 days", "(500) Days of Summer (2009)"),
        ("night heat", "In the Heat of the Night (1967)"),
        ("he ni", "In the Heat of the Night (1967)"),
        ("sev 1995", TITLES[12]),
        ("$ (1971)", "$ (1971)"),
        ("stragner thinsg", "Stranger Things"),
        ("spidrman", "Spider-Man (2002)"),
    ],
)
def test_finds_what_was_meant(index, text, first):
    assert names(index.find(text, 1)) == [first]


def test_a_year_narrows(index):
    assert names(index.find("heat 19", 2)) == ["Heat (1995)", "Heat (1986)"]
    assert names(index.find("heat 1995")) == ["Heat (1995)"]


def test_near_misses_only_when_nothing_fits(index):
    assert "Heathers (1989)" not in names(index.find("heat 1995"))
    assert names(index.find("oceen's elevan"))[:1] == ["Ocean's Eleven (2001)"]
    assert names(index.find("zzqqxx")) == []


def test_an_empty_text_gives_the_heaviest(index):
    assert index.find("", 3).tolist() == [0, 1, 2]
    assert index.find(" ?! ", 3).tolist() == [0, 1, 2]


def test_limit(index):
    assert len(index.find("", 0)) == 0
    assert len(index.find("", 1000)) == len(TITLES)
    assert index.find("heat").dtype == np.int32


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Heat (1995)", [0]),
        ("heat 1986", [1]),
        ("heat", [0, 1]),
        ("The Heat", [2]),
        ("Hamlet (2000)", [10, 11]),
        ("Seven", [12]),
        ("seven (1995)", [12]),
        ("Leon: the professional", [5]),
        ("boot", [14]),
        ("$ (1971)", [18]),
        ("Stranger Things", [19]),
        ("hea", []),
        ("", []),
        ("?", []),
        ("Heat (1999)", []),
    ],
)
def test_exact(index, text, found):
    assert index.exact(text).tolist() == found


def test_an_index_of_nothing():
    empty = TitleIndex.of([])
    assert empty.find("").tolist() == empty.find("abc").tolist() == empty.exact("abc").tolist() == []


@given(st.text(st.characters(exclude_categories=[]), max_size=300), st.integers(-1, 30))
@example("\ud800", 5)
@example("(" * 200, 5)
@example("a " * 5000, 5)
def test_any_text_is_answered(text, limit):
    found = TitleIndex.of(TITLES, COUNT).find(text, limit)
    assert len(found) <= max(limit, 0)
    assert len(set(found.tolist())) == len(found)


@given(
    st.lists(
        st.one_of(st.text(max_size=200), st.from_regex(r"(The |)[A-Za-z, ()]{1,20} \(19\d\d\)", fullmatch=True)),
        min_size=1,
        max_size=8,
    )
)
@example(["x" * 118 + ", the rest (1999)", "y"])
@example(["ab (" + "c " * 200 + ") (1999)", "ab 1999"])
def test_every_title_is_found_by_its_own_text(titles):
    index = TitleIndex.of(titles)
    for place, title in enumerate(titles):
        same = sum(other.strip() == title.strip() for other in titles)
        if title.strip():
            assert place in index.exact(title)
            assert place in index.find(title, same)


@given(st.text(max_size=50))
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)
