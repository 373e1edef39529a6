"""Somebody new and a movie nobody rated: every kind of hybrid answers, and says what its answer rests on."""

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query

HYBRIDS = [name for name in registry.names() if registry.model_class(name).family == "hybrids"]
FOR_LISTS = [name for name in HYBRIDS if registry.model_class(name).ranking]


@pytest.fixture
def fitted(tastes, light):
    """`fitted(name, as_it_ranks)`: a hybrid that has learned from 60 people and 39 of 40 movies."""

    def fit(name, as_it_ranks):
        parameters = registry.model_class(name).ranking if as_it_ranks else light.get(name, {})
        return registry.create(name, parameters).fit(tastes)

    return fit


@pytest.mark.parametrize(
    ("name", "as_it_ranks"), [*((name, False) for name in HYBRIDS), *((name, True) for name in FOR_LISTS)]
)
def test_few_ratings_or_none_get_a_whole_list_whose_rows_say_where_they_come_from(fitted, name, as_it_ranks):
    hybrid, rated = fitted(name, as_it_ranks), np.arange(10)
    stars = [4, 2, 5, 3, 1, 4, 4, 2, 5, 3]
    for known in (0, 1, 3, 5, 10):
        visitor = Query.of_visitor(40, rated[:known], stars[:known])
        ranking = hybrid.recommend(visitor, 40)
        listed = ranking.item[0, : 40 - known]
        assert sorted(listed) == list(range(known, 40))
        assert np.isfinite(ranking.score[0, : 40 - known]).all()
        for item, by_fallback in zip(listed, ranking.fallback[0], strict=False):
            told = hybrid.explain(visitor, int(item))
            assert (told.fallback is not None) == by_fallback
            assert told.fallback or told.parts or told.base_name
        unrated = hybrid.explain(visitor, 39)
        assert np.isfinite(unrated.score)
        assert unrated.fallback or unrated.parts
        assert 1 <= hybrid.predict(visitor, [0], [39]).value[0] <= 5
