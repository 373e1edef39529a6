"""One person and one movie, on tables worked out by hand."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from recengine.data.dataset import Interactions, Query
from recengine.errors import NotFound
from recengine.models.baseline import Biases, estimate_biases
from recengine.models.content import Content
from recengine.profile import habits, interesting_people, item_profile, movie, person, residual, taste, user_profile

N = np.nan
TABLE = [
    [5.0, 4.0, N, N],
    [3.0, 4.0, 2.0, N],
    [5.0, 2.0, 1.0, N],
    [N, N, N, N],
]
GENRES = [[1, 0], [1, 1], [0, 1], [0, 0]]


def plain(answer) -> str:
    fields = dataclasses.asdict(answer)
    tables = {k: v.to_dict("records") if isinstance(v, pd.DataFrame) else v for k, v in fields.items()}
    return json.dumps(tables, allow_nan=False)


@pytest.fixture
def small(make_dataset):
    dataset = make_dataset(TABLE, features=GENRES)
    day = np.array([30, 10, 1, 3, 3, 0, 0, 0]) * 86_400
    i = dataset.interactions
    movies = dataset.movies.assign(
        year=pd.array([1994, 1999, None, 2001], dtype="Int16"), directors=[("Ann",), ("Ann", "Bo"), ("Bo",), ()]
    )
    return dataclasses.replace(
        dataset,
        movies=movies,
        interactions=Interactions.of(i.user, i.item, i.value, day, n_users=i.n_users, n_items=i.n_items),
    )


FLAT = Biases(3.0, np.array([1.0, 0.0, -1.0, 0.0], np.float32), 5.0)


def test_taste_by_hand(small):
    # Residuals without b_u: 5−3−1 = 1 and 4−3 = 1; b_u = 2/(2+5); so each is 5/7. Damping 5 on each genre.
    table = taste(small, FLAT, [0, 1], [5.0, 4.0])
    assert table[["genre", "ratings", "share"]].to_dict("list") == {
        "genre": ["g0", "g1"], "ratings": [2, 1], "share": [1.0, 0.5],
    }  # fmt: skip
    assert table["lift"].tolist() == pytest.approx([2 * 5 / 7 / 7, 5 / 7 / 6])


def test_the_residual_is_what_the_bias_model_leaves(small):
    biases = estimate_biases(small.interactions)
    expected = np.array([5.0, 4.0]) - biases.score(Query.of_users(small, [0]))[0, [0, 1]]
    got = residual(small, biases, np.array([0, 1], np.int32), np.array([5.0, 4.0]))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_a_visitor_with_a_persons_ratings_has_their_taste(small):
    biases = estimate_biases(small.interactions)
    told = person(small, biases, 1)
    visitor = taste(small, biases, [0, 1, 2], [3.0, 4.0, 2.0])
    assert visitor["genre"].tolist() == told.genres["genre"].tolist()
    assert visitor["lift"].tolist() == pytest.approx(told.genres["lift"].tolist())


def test_a_person_by_hand(small):
    told = person(small, FLAT, 0)
    assert (told.n_ratings, told.mean, told.spread) == (2, 4.5, 0.5)
    assert (told.first, told.last) == ("1970-01-11", "1970-01-31")
    assert told.stricter_than == 0
    assert person(small, FLAT, 2).stricter_than == 1.0
    assert person(small, FLAT, 1).stricter_than == 0.5
    assert told.history.drop(columns="difference").to_dict("records") == [
        {"item_id": 0, "title": "Movie 0", "year": 1994, "genres": ("g0",), "rating": 5.0,
         "time": "1970-01-31T00:00:00"},
        {"item_id": 1, "title": "Movie 1", "year": 1999, "genres": ("g0", "g1"), "rating": 4.0,
         "time": "1970-01-11T00:00:00"},
    ]  # fmt: skip
    assert told.history["difference"].tolist() == pytest.approx([5 - 13 / 3, 4 - 10 / 3])


def test_decades_and_directors(small):
    told = person(small, FLAT, 1)
    assert told.decades[["decade", "ratings"]].to_dict("list") == {"decade": ["1990s"], "ratings": [2]}
    assert sorted(told.directors["director"]) == ["Ann", "Bo"]
    assert person(small, FLAT, 0).directors["director"].tolist() == ["Ann"]


def test_decades_come_in_their_order(make_dataset):
    table = np.full((1, 40), 4.0)
    dataset = make_dataset(table)
    assert person(dataset, estimate_biases(dataset.interactions), 0).decades["decade"].tolist() == [
        "1950s", "1960s", "1970s", "1980s",
    ]  # fmt: skip


def test_equal_times_and_missing_times_keep_the_order_of_the_data(small):
    assert person(small, FLAT, 2).history["item_id"].tolist() == [2, 1, 0]
    i = small.interactions
    timeless = small.with_interactions(Interactions.of(i.user, i.item, i.value, n_users=i.n_users, n_items=i.n_items))
    told = person(timeless, FLAT, 1)
    assert told.history["item_id"].tolist() == [2, 1, 0]
    assert told.history["time"].tolist() == [None] * 3
    assert (told.first, told.last) == (None, None)


def test_a_person_without_ratings(small):
    told = person(small, FLAT, 3)
    assert told.n_ratings == 0
    assert told.mean is told.spread is told.stricter_than is told.first is told.last is None
    for table in (told.genres, told.decades, told.directors, told.history):
        assert len(table) == 0
    assert list(told.genres.columns) == ["genre", "ratings", "share", "lift"]
    plain(told)


def test_the_only_person_is_compared_with_nobody(make_dataset):
    dataset = make_dataset([[4.0]])
    told = person(dataset, estimate_biases(dataset.interactions), 0)
    assert (told.mean, told.spread, told.stricter_than) == (4.0, None, None)
    assert len(told.genres) == len(told.directors) == 0


def test_implicit_people_and_movies_are_only_counted(make_dataset):
    dataset = make_dataset([[1.0, 1.0], [N, 1.0]], scale=None, features=[[1], [1]])
    told = person(dataset, None, 0)
    assert told.n_ratings == 2
    assert told.mean is told.spread is told.stricter_than is None
    assert told.genres.to_dict("records") == [{"genre": "g0", "ratings": 2, "share": 1.0, "lift": None}]
    assert told.history["rating"].tolist() == told.history["difference"].tolist() == [None, None]
    about = movie(dataset, 1)
    assert (about.n_ratings, about.mean, len(about.histogram), about.share) == (2, None, 0, 1.0)


def test_a_movie_by_hand(small):
    told = movie(small, 1)
    assert (told.title, told.year, told.genres, told.directors) == ("Movie 1", 1999, ("g0", "g1"), ("Ann", "Bo"))
    assert (told.n_ratings, told.mean, told.share) == (3, 10 / 3, 0.75)
    assert told.histogram.to_dict("list") == {"value": [2, 4], "count": [1, 2]}
    assert [movie(small, item).rank for item in range(4)] == [1, 1, 3, 4]
    assert movie(small, 2).year is None


def test_a_movie_nobody_rated(small):
    told = movie(small, 3)
    assert (told.n_ratings, told.mean, told.share, told.rank, told.n_movies) == (0, None, 0.0, 4, 4)
    assert told.genres == told.directors == ()
    assert len(told.histogram) == 0


@pytest.mark.parametrize("index", [-1, 4])
def test_positions_that_are_not_there(small, index):
    with pytest.raises(NotFound):
        person(small, FLAT, index)
    with pytest.raises(NotFound):
        movie(small, index)


def test_answers_turn_into_json(small):
    assert json.loads(plain(person(small, FLAT, 1)))["history"][2]["year"] == 1994
    assert json.loads(plain(movie(small, 0)))["n_ratings"] == 3


def crowd(rng):
    """Sixty people over 120 movies in two genres; person 7 loves the first and hates the second, 8 rates all alike."""
    table = rng.integers(2, 5, (60, 120)).astype(float)
    table[rng.random(table.shape) < 0.4] = N
    table[7, :] = np.where(np.arange(120) < 60, 5.0, 1.0)
    table[8, :] = 3.0
    table[9, 30:] = N
    return table


def test_the_one_with_a_taste_comes_first(make_dataset):
    features = np.repeat(np.eye(2), 60, axis=0)
    dataset = make_dataset(crowd(np.random.default_rng(0)), features=features)
    found = interesting_people(dataset, 20)
    assert found[0] == 7
    assert found.dtype == np.int32
    assert len(set(found.tolist())) == 20
    assert not {8, 9} & set(found.tolist())
    assert interesting_people(dataset, 20).tolist() == found.tolist()


def test_too_few_interesting_people_are_filled_up_by_activity(small, make_dataset):
    assert interesting_people(small).tolist() == [1, 2, 0]
    assert interesting_people(small, 1).tolist() == [1]
    assert interesting_people(small, 0).tolist() == []
    assert interesting_people(make_dataset(np.full((2, 2), N))).tolist() == []
    assert interesting_people(make_dataset([[1.0, N], [1.0, 1.0]], scale=None)).tolist() == [1, 0]


def nested(answer) -> str:
    """As `plain`, for an answer made of answers."""
    fields = {f.name: getattr(answer, f.name) for f in dataclasses.fields(answer)}
    return json.dumps(
        {k: v.to_dict("records") if isinstance(v, pd.DataFrame) else plain(v) for k, v in fields.items()},
        allow_nan=False,
    )


def test_habits_by_hand(small):
    told = habits(small, 0)
    # Of all 8 ratings 6 are of g0, 5 of g1 and 6 of the nineties; this person's are movies 0 and 1.
    assert told.genres[["genre", "ratings", "share", "usual"]].to_dict("list") == {
        "genre": ["g0", "g1"], "ratings": [2, 1], "share": [1.0, 0.5], "usual": [6 / 8, 5 / 8],
    }  # fmt: skip
    assert told.genres["times"].tolist() == pytest.approx([4 / 3, 0.8])
    assert told.decades.to_dict("records") == [
        {"decade": "1990s", "ratings": 2, "share": 1.0, "usual": 0.75, "times": pytest.approx(4 / 3)}
    ]
    # The 11th of January 1970 was a Sunday, the 31st a Saturday.
    assert dict(zip(told.weekdays["weekday"], told.weekdays["ratings"], strict=True)) == {
        "Monday": 0, "Tuesday": 0, "Wednesday": 0, "Thursday": 0, "Friday": 0, "Saturday": 1, "Sunday": 1,
    }  # fmt: skip
    assert told.hours["ratings"].tolist() == [2] + [0] * 23
    assert (told.days, told.period_months) == (2, 1)
    assert told.timeline.to_dict("records") == [{"start": "1970-01-01", "ratings": 2}]


def test_habits_say_nothing_of_the_stars(small):
    i = small.interactions
    turned = small.with_interactions(
        Interactions.of(i.user, i.item, 6 - i.value, i.time, n_users=i.n_users, n_items=i.n_items)
    )
    assert plain(habits(turned, 1)) == plain(habits(small, 1))


@pytest.mark.parametrize(
    ("seconds", "weekday", "hour"),
    [(0, "Thursday", 0), (-1, "Wednesday", 23), (951_782_399, "Monday", 23), (951_782_400, "Tuesday", 0)],
)
def test_the_hour_and_the_day_of_the_week_are_utc(seconds, weekday, hour, make_dataset):
    dataset = make_dataset([[4.0]])
    dataset = dataset.with_interactions(Interactions.of([0], [0], [4.0], [seconds], n_users=1, n_items=1))
    told = habits(dataset, 0)
    assert told.weekdays["weekday"][told.weekdays["ratings"].argmax()] == weekday
    assert told.hours["ratings"].argmax() == hour


def test_habits_without_times_and_without_ratings(small):
    i = small.interactions
    timeless = small.with_interactions(Interactions.of(i.user, i.item, i.value, n_users=i.n_users, n_items=i.n_items))
    for told in (habits(timeless, 0), habits(small, 3)):
        assert told.days is told.period_months is None
        assert len(told.weekdays) == len(told.hours) == len(told.timeline) == 0
    assert habits(timeless, 0).genres["ratings"].tolist() == [2, 1]
    assert len(habits(small, 3).genres) == len(habits(small, 3).decades) == 0
    assert list(habits(small, 3).genres.columns) == ["genre", "ratings", "share", "usual", "times"]


def test_a_movies_features_are_those_of_the_model_content(small):
    told = item_profile(small, 1, Content().fit(small))
    # Both genres are in two of four movies, so they weigh the same: 1/√2 each.
    assert told.features["feature"].tolist() == ["genre: g0", "genre: g1"]
    assert told.features["weight"].tolist() == pytest.approx([0.5**0.5] * 2)
    assert told.movie.title == "Movie 1"
    assert len(item_profile(small, 3, Content().fit(small)).features) == 0
    nested(told)


def test_a_persons_features_multiply_a_movies_to_its_score(small):
    content = Content(similarity="cosine").fit(small)
    for user in range(3):
        told = user_profile(small, FLAT, user, content)
        assert told.features["weight"].is_monotonic_decreasing
        liked = dict(zip(told.features["feature"], told.features["weight"], strict=True))
        about = item_profile(small, 0, content).features
        score = sum(w * liked.get(f, 0) for f, w in zip(about["feature"], about["weight"], strict=True))
        assert score == pytest.approx(content.score(Query.of_users(small, [user]))[0, 0], abs=1e-6)
        assert plain(told.explicit) == plain(person(small, FLAT, user))
        assert plain(told.implicit) == plain(habits(small, user))
        nested(told)


def test_profiles_of_nobody_and_of_data_without_ratings(small, make_dataset):
    assert len(user_profile(small, FLAT, 3, Content().fit(small)).features) == 0
    implicit = make_dataset([[1.0, 1.0, N], [N, 1.0, N]], scale=None, features=[[1, 0], [1, 1], [0, 1]])
    told = user_profile(implicit, None, 0, Content().fit(implicit))
    assert told.explicit.mean is None
    assert told.implicit.genres["ratings"].tolist() == [2, 1]
    assert (told.features["weight"] > 0).all()
    nested(told)


@pytest.mark.parametrize("index", [-1, 4])
def test_profiles_of_positions_that_are_not_there(small, index):
    content = Content().fit(small)
    with pytest.raises(NotFound):
        item_profile(small, index, content)
    with pytest.raises(NotFound):
        user_profile(small, FLAT, index, content)
    with pytest.raises(NotFound):
        habits(small, index)
