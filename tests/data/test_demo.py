"""The demo data set that is shipped, and the script that built it."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "recengine" / "data" / "demo"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_demo", ROOT / "tools" / "build_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


demo = load_script()


@pytest.fixture(scope="module")
def ratings() -> pa.Table:
    return pq.read_table(DEMO / "ratings.parquet")


@pytest.fixture(scope="module")
def movies() -> pa.Table:
    return pq.read_table(DEMO / "movies.parquet")


@pytest.fixture(scope="module")
def by_title(movies):
    return {row["title"]: row for row in movies.to_pylist()}


def test_the_ratings_are_movielens_latest_small(ratings):
    assert ratings.schema == demo.RATINGS
    assert ratings.num_rows == 100_004
    assert pc.count_distinct(ratings["user_id"]).as_py() == 671
    assert pc.count_distinct(ratings["item_id"]).as_py() == 9_066
    assert all(column.null_count == 0 for column in ratings.columns)
    assert set(ratings["rating"].unique().to_pylist()) == {half / 2 for half in range(1, 11)}


def test_the_ratings_are_sorted_by_person_and_time(ratings):
    people_and_times = list(zip(ratings["user_id"].to_pylist(), ratings["time"].to_pylist(), strict=True))
    assert people_and_times == sorted(people_and_times)


def test_every_person_rates_a_movie_once(ratings):
    assert ratings.group_by(["user_id", "item_id"]).aggregate([]).num_rows == ratings.num_rows


def test_the_movies_are_the_rated_ones(ratings, movies):
    assert movies.schema == demo.MOVIES
    assert movies.num_rows == 9_066
    assert set(movies["item_id"].to_pylist()) == set(ratings["item_id"].unique().to_pylist())
    for name in ("item_id", "title", "genres", "directors"):
        assert movies[name].null_count == 0
    assert movies["year"].null_count == 3


def test_titles_are_readable(movies):
    titles = movies["title"].to_pylist()
    assert not [title for title in titles if re.search(r", (The|An?|L[ae]s?|L'|El|Il|Der|Die|Das) ?[()]", title)]
    assert not [title for title in titles if re.search(r"[ÃÂ][\x80-\xbf]|\ufffd|  |^ | $", title)]
    undated = [title for title in titles if not re.search(r"\(\d{4}\)$", title)]
    assert sorted(undated) == ["Hyena Road", "Stranger Things", "The Lovers and the Despot"]


def test_genres_keep_the_order_of_the_source(movies, by_title):
    assert by_title["Toy Story (1995)"]["genres"] == [
        "Adventure", "Animation", "Children", "Comedy", "Fantasy",
    ]  # fmt: skip
    assert not any("(no genres listed)" in genres for genres in movies["genres"].to_pylist())
    assert by_title["Hyena Road"]["genres"] == []


@pytest.mark.parametrize(
    ("title", "directors", "certificate", "based_on"),
    [
        ("Toy Story (1995)", ["John Lasseter"], "G", "Original screenplay"),
        ("The Story of Us (1999)", ["Rob Reiner"], "R", "Original screenplay"),
        (
            "Léon: The Professional (a.k.a. The Professional) (Léon) (1994)",
            ["Luc Besson"],
            "R",
            "Original screenplay",
        ),
        ("Casablanca (1942)", ["Michael Curtiz"], None, "Play"),
        ("The Wizard of Oz (1939)", [], "G", "Book or short story"),
        ("The City of Lost Children (La Cité des enfants perdus) (1995)", [], None, None),
        ("Hamlet (2000)", [], None, None),
        ("War of the Worlds (2005)", [], None, None),
    ],
)
def test_known_facts(by_title, title, directors, certificate, based_on):
    movie = by_title[title]
    assert (movie["directors"], movie["certificate"], movie["based_on"]) == (directors, certificate, based_on)


def test_facts_reach_half_of_all_ratings(ratings, movies):
    directed = movies.filter(pc.greater(pc.list_value_length(movies["directors"]), 0))
    assert directed.num_rows > 1_500
    reached = pc.is_in(ratings["item_id"], value_set=directed["item_id"].combine_chunks())
    assert pc.mean(reached).as_py() > 0.5
    assert set(movies["certificate"].unique().to_pylist()) == {*demo.CERTIFICATES, None}


def test_the_files_are_small_and_licensed():
    assert sum(path.stat().st_size for path in DEMO.glob("*.parquet")) < 1_300_000
    terms = " ".join((DEMO / "LICENSE.md").read_text(encoding="utf-8").split())
    assert "https://doi.org/10.1145/2827872" in terms
    assert "commercial or revenue-bearing" in terms


@pytest.mark.parametrize(
    ("inverted", "mended"),
    [
        ("Story of Us, The", "The Story of Us"),
        ("Blind Side, The ", "The Blind Side"),
        ("City of Lost Children, The (Cité des enfants perdus, La)",
         "The City of Lost Children (La Cité des enfants perdus)"),
        ("Enigma, The (a.k.a. Mystery, The) (Jeder)", "The Enigma (a.k.a. The Mystery) (Jeder)"),
        ("Avventura, L' (Adventure, The)", "L'Avventura (The Adventure)"),
        ("Human Centipede II (Full Sequence), The", "The Human Centipede II (Full Sequence)"),
        ("Wings of Desire (Himmel über Berlin, Der)", "Wings of Desire (Der Himmel über Berlin)"),
        ("Vitelloni, I", "I Vitelloni"),
        ("To Have, or Not (En avoir (ou pas))", "To Have, or Not (En avoir (ou pas))"),
        ("I, Robot", "I, Robot"),
        ("Good, the Bad and the Ugly, The", "The Good, the Bad and the Ugly"),
        ("Monsters, Inc.", "Monsters, Inc."),
        ("The Matrix", "The Matrix"),
    ],
)  # fmt: skip
def test_articles_go_back_in_front(inverted, mended):
    assert demo.mend_title(inverted) == mended


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Amélie", "AMELIE"),
        ("Love & Basketball", "Love and Basketball"),
        ("WALL·E", "WALL-E"),
        ("Boot, Das", "Das Boot"),
        ("Star Wars: Episode IV - A New Hope", "Star Wars Ep. IV: A New Hope"),
        ("Halloween III: Season of the Witch", "Halloween 3: Season of the Witch"),
        ("Kill Bill: Vol. 1", "Kill Bill: Volume 1"),
        ("Ocean's Eleven", "Oceans Eleven"),
    ],
)
def test_spellings_of_one_title_share_a_key(one, other):
    assert demo.title_key(one) == demo.title_key(other)


@pytest.mark.parametrize(("one", "other"), [("Die Hard", "Hard"), ("I Spy", "Spy"), ("Saw II", "Saw III"), ("X", "")])
def test_different_titles_do_not(one, other):
    assert demo.title_key(one) != demo.title_key(other)


def test_other_names_are_keys_too():
    assert demo.title_keys("Seven (a.k.a. Se7en)") >= {"seven", "se7en"}
    assert demo.title_keys("King Kong (1933)") >= {"kingkong"}
    assert "500" not in demo.title_keys("(500) Days of Summer")


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("Jun 12 1998", 1998),
        ("Nov 21 2046", 1946),
        ("Feb 08 2015", 1915),
        ("Dec 23 2011", 2011),
        ("Dec 31 1969", None),
    ],
)
def test_release_years_fall_in_the_right_century(date, year):
    assert demo.release_year(date) == year


@pytest.mark.parametrize(("misread", "meant"), [("LÈon", "Léon"), ("DÈj‡ Vu", "Déjà Vu"), ("Alien³", "Alien³")])
def test_misread_text_is_repaired(misread, meant):
    assert demo.repair_text(misread) == meant


@pytest.mark.parametrize(
    ("source", "short"),
    [
        ("Based on Book/Short Story", "Book or short story"),
        ("Original Screenplay", "Original screenplay"),
        ("Based on TV", "TV show"),
        (None, None),
    ],
)
def test_sources_are_said_shortly(source, short):
    assert demo.short_source(source) == short


def fact(title, year):
    return demo.Facts(title, year, "Somebody", None, None)


def test_a_match_allows_one_year_of_difference():
    film = demo.Movie(1, "The Film", 2000)
    assert demo.match_facts([film], [fact("Film", 2001)])[0] == {1: fact("Film", 2001)}
    matched, dropped = demo.match_facts([film], [fact("Film", 2002), fact("Film", None)])
    assert not matched
    assert len(dropped["title found, year missing or too far off"]) == 2


def test_a_movie_without_year_matches_nothing():
    assert not demo.match_facts([demo.Movie(1, "Film", None)], [fact("Film", 2000)])[0]


def test_doubtful_matches_are_dropped():
    twins = [demo.Movie(1, "Film", 2000), demo.Movie(2, "Other (Film)", 2001)]
    matched, dropped = demo.match_facts(twins, [fact("Film", 2000)])
    assert not matched
    assert dropped == {"several rated movies fit": [fact("Film", 2000)]}
    matched, dropped = demo.match_facts(twins[:1], [fact("Film", 2000), fact("The Film", 2001)])
    assert not matched
    assert len(dropped["several facts fit one movie"]) == 2


def test_doubtful_directors_are_left_out():
    assert demo.credited("Gone with the Wind", "George Cukor") is None
    assert demo.credited("Volver", "Pedro Almodovar") == "Pedro Almodóvar"
    assert demo.credited("Volver", None) is None
