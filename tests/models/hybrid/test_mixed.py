"""Mixed lists against lists merged by hand, and the order of every source under random scores."""

from dataclasses import replace

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query, freeze
from recengine.errors import ModelError
from recengine.model import Context
from recengine.models.baseline import Popularity
from recengine.models.content import Content
from recengine.models.graph import RP3Beta
from recengine.models.hybrid.mixed import Mixed, draft, own_list
from recengine.models.linear import Ease

_ = np.nan
FOUR = [[5, _, _, _], [4, 3, _, _], [_, 2, 5, _], [_, _, 1, 2]]


@pytest.fixture
def two(says):
    """Lists 0 1 3 2 and 0 3 2 1, for somebody who has rated nothing."""
    return says(5, 4, 2, 3), says(4.5, 1, 2, 4)


def test_round_robin_worked_by_hand(make_dataset, two):
    """Round 1: A adds 0; B's 0 is taken, so it adds 3. Round 2: A adds 1; B's 0 and 3 are taken: 2."""
    data = make_dataset(FOUR)
    fitted, nobody = Mixed(children=two).fit(data), Query.of_users(data, [-1])
    assert fitted.recommend(nobody, 4).item[0].tolist() == [0, 3, 1, 2]
    np.testing.assert_allclose(fitted.score(nobody)[0], [1, 1 / 3, 1 / 4, 1 / 2], rtol=1e-6)
    assert fitted.sources(nobody)[0].tolist() == [0, 0, 1, 1]
    assert fitted.sources(nobody).dtype == np.int8


def test_what_was_rated_is_in_no_list(make_dataset, two):
    """Person 0 has rated 0. A has 1 3 2, B 3 2 1. A adds 1, B 3; A's 3 is taken: 2; B has no more."""
    data = make_dataset(FOUR)
    fitted, query = Mixed(children=two).fit(data), Query.of_users(data, [0])
    assert fitted.recommend(query, 4).item[0].tolist() == [1, 3, 2, -1]
    assert fitted.sources(query)[0].tolist() == [-1, 0, 0, 1]
    assert "was rated" in fitted.explain(query, 0).fallback


def test_team_draft_worked_by_hand(make_dataset, two):
    """The coin: B first, then A first. Round 1: B adds 0, A (0 is taken) 1. Round 2: A adds 3, B (3 is taken) 2."""
    data = make_dataset(FOUR)
    tossed = freeze(np.array([[1, 0], [0, 1], [0, 1], [0, 1]], np.int8))
    fitted = replace(Mixed(children=two, how="team-draft").fit(data), turns=tossed)
    nobody = Query.of_users(data, [-1])
    assert fitted.recommend(nobody, 4).item[0].tolist() == [0, 1, 3, 2]
    assert fitted.sources(nobody)[0].tolist() == [1, 0, 1, 0]


def test_coins_are_fair_and_come_from_the_seed(tastes):
    drawn = [Mixed(how="team-draft").fit(tastes, Context(seed=seed)).turns for seed in range(50)]
    assert all((np.sort(turns, axis=1) == [0, 1]).all() for turns in drawn)
    heads = np.mean([turns[:, 0] for turns in drawn])  # 2000 coins: three deviations are 0.034
    assert abs(heads - 0.5) < 0.034
    np.testing.assert_array_equal(drawn[0], Mixed(how="team-draft").fit(tastes, Context(seed=0)).turns)
    assert (Mixed().fit(tastes, Context(seed=3)).turns == [0, 1]).all()


def test_a_child_without_opinion_adds_nothing(make_dataset, says):
    """A has 3 1, B 1 only; nobody knows 0 and 2. A adds 3, B 1."""
    data = make_dataset(FOUR)
    fitted = Mixed(children=(says(None, 1, None, 4), says(None, 2, None, None))).fit(data)
    nobody = Query.of_users(data, [-1])
    np.testing.assert_allclose(fitted.score(nobody)[0], [_, 1 / 2, _, 1])
    assert fitted.sources(nobody)[0].tolist() == [-1, 1, -1, 0]
    ranking = fitted.recommend(nobody, 4)
    assert ranking.item[0].tolist() == [3, 1, 0, 2]
    assert ranking.fallback[0].tolist() == [False, False, True, True]
    why = fitted.explain(nobody, 2)
    assert "none of its models has an opinion" in why.fallback
    assert why.score == 3.0


def test_a_filter_merges_anew_among_what_it_allows(make_dataset, two):
    """Without 0, A has 1 3 2 and B 3 2 1: 1, 3, 2. Filtering what was merged from everything would give 3, 1, 2."""
    data = make_dataset(FOUR)
    fitted, nobody = Mixed(children=two).fit(data), Query.of_users(data, [-1])
    allowed = np.array([False, True, True, True])
    assert fitted.recommend(nobody, 4, allowed=allowed).item[0].tolist() == [1, 3, 2, -1]
    assert "filters" in fitted.explain(nobody.among(allowed), 0).fallback


@pytest.mark.parametrize("how", ["round-robin", "team-draft"])
def test_every_source_keeps_its_order(make_dataset, says, how):
    """When a child places a movie, all that it finds better are in the list already, whoever placed them."""
    rng = np.random.default_rng(8)
    for _trial in range(60):
        n, count = int(rng.integers(1, 30)), int(rng.integers(2, 7))
        data = make_dataset(np.where(rng.random((4, n)) < 0.3, 3.0, [3.0] + [_] * (n - 1)))
        scores = np.where(rng.random((count, n)) < 0.2, _, rng.integers(0, 8, (count, n)))
        fitted = Mixed(children=tuple(says(*row) for row in scores), how=how).fit(data, Context(seed=n))
        query = Query.of_users(data, [0, 1, 2, 3, -1]).among(rng.random(n) < 0.8)
        place = np.where(np.isnan(found := fitted.score(query)), np.inf, 1 / found)
        source, lists = fitted.sources(query), [own_list(child, query) for child in fitted.children]
        for row in range(5):
            listed = {int(i) for own in lists for i in own[row] if i >= 0}
            assert set(np.flatnonzero(source[row] >= 0)) == listed
            np.testing.assert_allclose(np.sort(place[row])[: len(listed)], np.arange(1, len(listed) + 1))
            for child, own in enumerate(lists):
                mine = own[row][own[row] >= 0]
                latest = np.maximum.accumulate(place[row][mine])
                assert (place[row][mine] == latest)[source[row][mine] == child].all()


@pytest.mark.parametrize("how", ["round-robin", "team-draft"])
def test_lists_without_common_movies_have_equal_shares_of_every_beginning(make_dataset, says, how):
    data = make_dataset([[_, *[4.0] * 11]])
    scores = np.full((3, 12), _)
    scores[np.arange(12) % 3, np.arange(12)] = np.random.default_rng(1).random(12)
    query = Query.of_users(data, [-1])
    fitted = Mixed(children=tuple(says(*row) for row in scores), how=how).fit(data, Context(seed=5))
    sources = fitted.sources(query)[0][fitted.recommend(query, 12).item[0]]
    assert (np.sort(sources.reshape(4, 3), axis=1) == [0, 1, 2]).all()


@pytest.mark.parametrize("how", ["round-robin", "team-draft"])
def test_without_ties_the_places_of_the_movies_in_memory_do_not_matter(make_dataset, says, how):
    rng = np.random.default_rng(2)
    scores, moved = rng.random((3, 12)), rng.permutation(12)
    before, after = (
        Mixed(children=tuple(says(*row) for row in table), how=how).fit(make_dataset([[3.0] * 12]), Context(seed=4))
        for table in (scores, scores[:, moved])
    )
    nobody = Query.of_visitor(12, [], [])
    np.testing.assert_array_equal(after.score(nobody), before.score(nobody)[:, moved])
    np.testing.assert_array_equal(after.sources(nobody), before.sources(nobody)[:, moved])


def test_a_draft_ends_with_its_turns_or_its_lists():
    assert draft([[0, 1, 2], [2, 1]], [0, 1]) == ([0, 2], [0, 1])
    assert draft([[], []], [0, 1]) == ([], [])


def test_the_explanation_credits_one_child_and_says_where_the_others_have_it(make_dataset, two, says):
    data = make_dataset(FOUR)
    children = (*two, says(None, None, None, 1))
    why = Mixed(children=children).fit(data).explain(Query.of_users(data, [-1]), 3)
    # Round 1: A adds 0, B 3, and C's only movie is taken.
    assert (why.score, why.base, why.fallback) == (0.5, 0.0, None)
    assert [(part.index, part.weight) for part in why.parts] == [(1, 0.5), (0, 0.0), (2, 0.0)]
    assert [part.what.rpartition(" (")[2] for part in why.parts] == ["place 2)", "place 3)", "place 1)"]
    assert [part.told.score for part in why.parts] == [4, 3, 1]
    missing = Mixed(children=children).fit(data).explain(Query.of_users(data, [-1]), 1).parts[-1]
    assert missing.what.endswith("(not in its list)")
    assert missing.told.fallback


@pytest.mark.parametrize("how", ["round-robin", "team-draft"])
def test_somebody_new_and_a_movie_nobody_rated_are_answered(tastes, how):
    fitted = Mixed(how=how).fit(tastes)
    for known in (0, 1, 3, 5, 10):
        visitor = Query.of_visitor(tastes.n_items, range(known), [4, 2, 5, 3, 1, 4, 4, 2, 5, 3][:known])
        ranking = fitted.recommend(visitor, tastes.n_items)
        assert (ranking.item[0, : tastes.n_items - known] >= 0).all()
        assert ranking.fallback[0, 0] == (known == 0)
        for item in (20, tastes.n_items - 1):
            why = fitted.explain(visitor, item)
            assert np.isfinite(why.score)
            assert (why.fallback is None) == np.isfinite(fitted.score(visitor)[0, item])


def test_a_hybrid_of_hybrids(tastes):
    inner = Mixed(children=(Ease(), Content()), how="team-draft")
    outer = Mixed(children=(inner, Popularity(), RP3Beta()))
    assert registry.from_spec(outer.spec()) == outer
    assert registry.parse(outer.label) == outer
    query, fitted = Query.of_users(tastes, [4]), outer.fit(tastes)
    lists = [child.fit(tastes).recommend(query, 40).item[0] for child in outer.children]
    lists[0] = lists[0][np.isfinite(fitted.children[0].score(query)[0, lists[0]]) & (lists[0] >= 0)]
    own = [own[own >= 0].tolist() for own in lists]
    assert fitted.recommend(query, 5).item[0].tolist() == draft(own, [0, 1, 2] * 2)[0][:5]


def test_notes_of_the_children_are_passed_on(make_dataset):
    few = registry.parse("weighted(children=[item-knn, bias], learned=True)")
    (note,) = Mixed(children=(few, Ease())).fit(make_dataset(FOUR)).notes
    assert "too few" in note


@pytest.mark.parametrize(
    ("settings", "says_"),
    [
        ({"children": "ease"}, "give at least 2"),
        ({"children": "ease, content, bias, popularity, item-knn, user-knn, als"}, "give at most 6"),
        ({"how": "shuffled"}, "round-robin, team-draft"),
    ],
)
def test_what_cannot_be_mixed_is_refused(settings, says_, one_sentence):
    with pytest.raises(ModelError, match=says_) as refused:
        registry.create("mixed", settings)
    assert one_sentence(str(refused.value))


def test_a_child_that_needs_ratings_refuses_data_without(make_dataset, one_sentence):
    implicit = make_dataset([[1, _], [1, 1]], scale=None)
    with pytest.raises(ModelError, match="item-knn") as refused:
        registry.parse("mixed(children=[ease, item-knn])").fit(implicit)
    assert one_sentence(str(refused.value))
