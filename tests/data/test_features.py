"""Attributes of movies and people as named columns."""

import numpy as np
import pandas as pd
import pytest

from recengine.data.features import item_features, user_features


def shown(matrix, names) -> list[set[str]]:
    assert np.all(matrix.data == 1)
    return [{names[column] for column in matrix[row].indices} for row in range(matrix.shape[0])]


def test_every_attribute_is_a_column_of_its_own():
    movies = pd.DataFrame(
        {
            "title": ["a", "b", "c"],
            "year": pd.array([1999, None, 2000], dtype="Int16"),
            "genres": [("Drama", "War", "Drama"), (), ("War",)],
            "directors": [("Ann", "Bob"), ("Ann",), ()],
            "certificate": pd.Series(["PG-13", None, "R"], dtype="str"),
            "based_on": ["Play", None, None],
        }
    )
    matrix, names = item_features(movies)
    assert matrix.dtype == np.float32
    assert names == (
        "genre: Drama", "genre: War", "decade: 1990s", "decade: 2000s", "director: Ann", "certificate: PG-13",
        "certificate: R", "based on: Play",
    )  # fmt: skip
    assert shown(matrix, names) == [
        {"genre: Drama", "genre: War", "decade: 1990s", "director: Ann", "certificate: PG-13", "based on: Play"},
        {"director: Ann"},
        {"genre: War", "decade: 2000s", "certificate: R"},
    ]


def test_columns_that_are_not_there_cost_nothing():
    matrix, names = item_features(pd.DataFrame({"title": ["a", "b"]}))
    assert (matrix.shape, names) == ((2, 0), ())
    assert item_features(pd.DataFrame({"title": []}))[0].shape == (0, 0)


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (1, "under 18"),
        (17, "under 18"),
        (18, "18-24"),
        (34, "25-34"),
        (35, "35-44"),
        (49, "45-49"),
        (55, "50-55"),
        (56, "56+"),
    ],
)
def test_age_groups_are_those_of_movielens_1m(age, group):
    people = pd.DataFrame({"age": pd.array([age, None], dtype="Int16"), "gender": ["F", None], "zip": ["05711", None]})
    matrix, names = user_features(people)
    assert shown(matrix, names) == [{f"age: {group}", "gender: F"}, set()]
