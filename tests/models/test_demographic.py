"""Demographic filtering: shares worked by hand, against a plain loop, and what it may not look at."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.data.dataset import Query
from recengine.models.demographic import Demographic

X = np.nan

# Two women and two men, of the same age but for the last; nothing is known of person 4.
#        F  M  25 35
KINDS = [[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]]
#         A  B  C  D
TABLE = [[5, X, X, X], [1, 4, X, X], [3, X, 2, X], [X, 2, 3, X], [2, 2, X, X]]


def known(make_dataset, table=TABLE, kinds=KINDS, **more):
    features = sp.csr_matrix(np.array(kinds, np.float32))
    return dataclasses.replace(make_dataset(table, **more), user_features=features)


def scores(data, people, **parameters):
    return Demographic(**parameters).fit(data).score(Query.of_users(data, people))


class TestByHand:
    """cos: 1 between persons 0 and 1, 1/2 between 0 or 1 and 2, 1/2 between 2 and 3, 0 between 0 or 1 and 3."""

    def test_share(self, make_dataset):
        # Of person 0's crowd, 1 counts 1, 2 counts e^-1, 3 counts e^-2. A has a share of 4/5, B 3/5, C 2/5.
        one, two = np.exp(-1), np.exp(-2)
        crowd = 1 + one + two + 3
        wanted = [(1 + one + 3 * 0.8) / crowd, (1 + two + 3 * 0.6) / crowd, (one + two + 3 * 0.4) / crowd, X]
        found = scores(known(make_dataset), [0], sharpness=2, damping=3)
        np.testing.assert_allclose(found[0], wanted, rtol=1e-6)

    def test_lift(self, make_dataset):
        data = known(make_dataset)
        share, lift = (scores(data, [0, 2, 3], score=score)[:, :3] for score in ("share", "lift"))
        np.testing.assert_allclose(lift, np.log(share / [0.8, 0.6, 0.4]), rtol=1e-5, atol=1e-7)
        # More women than others watched B, fewer C.
        assert lift[0, 1] > 0 > lift[0, 2]

    def test_where_all_count_alike_it_is_popularity_without_oneself(self, make_dataset):
        found = scores(known(make_dataset), [0, 1], sharpness=0, damping=0.1)
        np.testing.assert_allclose(found[0, :3], np.array([2.08, 2.06, 2.04]) / 3.1, rtol=1e-6)
        np.testing.assert_allclose(found[1, :3], np.array([2.08, 1.06, 2.04]) / 3.1, rtol=1e-6)

    def test_with_much_damping_it_is_everybodys_share(self, make_dataset):
        found = scores(known(make_dataset), [0], damping=1000)
        np.testing.assert_allclose(found[0, :3], [0.8, 0.6, 0.4], atol=2e-3)


@pytest.mark.parametrize("score", ["share", "lift"])
def test_a_plain_loop_says_the_same(score, make_dataset):
    rng = np.random.default_rng(2)
    table = np.where(rng.random((90, 20)) < 0.3, 1.0, X)
    kinds = np.hstack([np.eye(2)[rng.integers(0, 2, 90)], np.eye(5)[rng.integers(0, 5, 90)]])
    data, watched = known(make_dataset, table, kinds, scale=None), ~np.isnan(table)
    found = scores(data, np.arange(90), score=score, sharpness=3, damping=2)
    for person in (0, 41, 89):
        crowd = np.array([np.exp(3 * (kinds[person] @ kinds[other] / 2 - 1)) for other in range(90)])
        crowd[person] = 0
        everybody = watched.mean(axis=0)
        share = (crowd @ watched + 2 * everybody) / (crowd.sum() + 2)
        wanted = share if score == "share" else np.log(share / everybody)
        np.testing.assert_allclose(found[person], wanted, rtol=1e-5, atol=1e-6)


def test_the_persons_own_ratings_play_no_part(make_dataset):
    """Whoever person 0's ratings belong to, only everybody's share knows of them."""
    data = known(make_dataset)
    fitted, asked = Demographic(damping=0.1).fit(data), Query.of_users(data, [0])
    assert fitted.crowd(np.array([0], np.int32))[0, 0] == 0
    np.testing.assert_array_equal(fitted.score(asked.without(0)), fitted.score(asked))


class TestNoOpinion:
    def test_who_and_what_is_unknown(self, make_dataset):
        data = known(make_dataset)
        fitted = Demographic().fit(data)
        found = np.isfinite(fitted.score(Query.of_users(data, [0, 4, -1])))
        np.testing.assert_array_equal(found, np.outer([1, 0, 0], [1, 1, 1, 0]))
        reasons = [fitted.explain(query, item).fallback for query, item in [
            (Query.of_users(data, [0]), 3), (Query.of_users(data, [4]), 0), (Query.of_visitor(4, [0], [5.0]), 1),
        ]]  # fmt: skip
        assert reasons == [
            "nobody has rated this movie; the number of ratings stands in",
            "this person's age, gender and occupation are not known; the number of ratings stands in",
            "a visitor's age, gender and occupation are not known; the number of ratings stands in",
        ]

    def test_data_that_know_nothing_of_people(self, make_dataset):
        data = make_dataset(TABLE)
        fitted, query = Demographic().fit(data), Query.of_users(data, [0, 1])
        assert np.isnan(fitted.score(query)).all()
        ranking = fitted.recommend(query, 2)
        assert ranking.fallback.all()
        np.testing.assert_array_equal(
            ranking.item, [[1, 2], [2, 3]]
        )  # B was rated by three people, C by two, D by none

    def test_people_of_whom_nothing_is_known_are_in_no_crowd(self, make_dataset):
        table = np.array(TABLE)
        table[4] = [X, X, 1, X]
        others, changed = scores(known(make_dataset), [0]), scores(known(make_dataset, table), [0])
        # Only everybody's share of C has moved, from 2/5 to 3/5, and those of A and B, from 4/5 and 3/5.
        crowd = 1 + np.exp(-2) + np.exp(-4) + 3
        np.testing.assert_allclose((changed - others)[0, :3], 3 * np.array([-0.2, -0.2, 0.2]) / crowd, rtol=1e-4)


class TestExplained:
    def test_a_share(self, make_dataset):
        data = known(make_dataset)
        why = Demographic(sharpness=2).fit(data).explain(Query.of_users(data, [0]), 0)
        crowd = 1 + np.exp(-1) + np.exp(-2) + 3
        assert why.base == pytest.approx(3 * 0.8 / crowd)
        assert [part.weight for part in why.parts] == pytest.approx([(1 + np.exp(-1)) / crowd])

    def test_a_lift_names_the_shares_that_it_compares(self, make_dataset):
        data = known(make_dataset)
        why = Demographic(score="lift", sharpness=2).fit(data).explain(Query.of_users(data, [0]), 1)
        assert [part.what for part in why.parts] == ["rated by 65.2 % of people of the same kind and 60.0 % of all"]
        share = (1 + np.exp(-2) + 1.8) / (4 + np.exp(-1) + np.exp(-2))
        assert why.score == pytest.approx(np.log(share / 0.6))
