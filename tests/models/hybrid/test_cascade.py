"""The cascade against tables worked by hand, and its two promises under random scores: bands and untouched rest."""

import numpy as np
import pytest

from recengine import model as model_module
from recengine import registry
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.models.baseline import Bias, GlobalMean, Popularity
from recengine.models.content import Content
from recengine.models.hybrid.cascade import Cascade, in_bands, re_rank
from recengine.models.hybrid.mixed import Mixed
from recengine.models.hybrid.weighted import Weighted
from recengine.models.linear import Ease
from recengine.models.neighbors import ItemKNN

_ = np.nan
FOUR = [[5, _, _, _], [4, 3, _, _], [_, 2, 5, _], [_, _, 1, 2]]


@pytest.fixture
def first(says):
    """Mean 3, deviations ±1.4 and ±0.2: standard deviation 1."""
    return says(4.4, 3.2, 2.8, 1.6)


@pytest.mark.parametrize(
    ("second", "settings", "scores", "order"),
    [
        # h = 1. Below 4.4 by 0, 1.2, 1.6, 2.8: bands 0 1 1 2. The second puts 2 before 1: 4.4 − (1 + ¼), 4.4 − (1 + ¾).
        ((1, 2, 3, 4), {"width": 1}, [3.9, 2.65, 3.15, 1.9], [0, 2, 1, 3]),
        # h = 2: bands 0 0 0 1. The second puts 2 1 0: 4.4 − 2 · (1, 3, 5)/6; movie 3 gets 4.4 − 2 · 1½.
        ((1, 2, 3, 4), {"width": 2}, [4.4 - 10 / 6, 3.4, 4.4 - 2 / 6, 1.4], [2, 1, 0, 3]),
        # h = 0.5: bands 0 2 3 5, one movie each, so nothing is left to the second.
        ((1, 2, 3, 4), {"width": 0.5}, [4.15, 3.15, 2.65, 1.65], [0, 1, 2, 3]),
        # Without an opinion 0 and 2 come behind 1, in the order of the first.
        ((None, 1, None, 4), {"width": 2}, [3.4, 4.4 - 2 / 6, 4.4 - 10 / 6, 1.4], [1, 0, 2, 3]),
        # What the second finds equal keeps the order of the first.
        ((7, 7, 7, 7), {"width": 2}, [4.4 - 2 / 6, 3.4, 4.4 - 10 / 6, 1.4], [0, 1, 2, 3]),
        # The first two exchange their scores; the others keep theirs, whatever the second says.
        ((1, 2, 3, 4), {"how": "re-rank", "top": 2}, [3.2, 4.4, 2.8, 1.6], [1, 0, 2, 3]),
        ((1, 2, 3, 4), {"how": "re-rank", "top": 3}, [2.8, 3.2, 4.4, 1.6], [2, 1, 0, 3]),
        ((None, 1, None, 4), {"how": "re-rank", "top": 3}, [3.2, 4.4, 2.8, 1.6], [1, 0, 2, 3]),
        ((1, 2, 3, 4), {"how": "re-rank", "top": 9}, [1.6, 2.8, 3.2, 4.4], [3, 2, 1, 0]),
    ],
)
def test_a_table_worked_by_hand(make_dataset, says, first, second, settings, scores, order):
    data = make_dataset(FOUR)
    fitted, nobody = Cascade(first=first, second=says(*second), **settings).fit(data), Query.of_users(data, [-1])
    np.testing.assert_allclose(fitted.score(nobody)[0], scores, rtol=1e-6)
    assert fitted.recommend(nobody, 4).item[0].tolist() == order


def test_what_was_rated_is_no_candidate_and_keeps_its_score(make_dataset, says, first):
    """Person 0 has rated 0. Of 3.2, 2.8, 1.6 the deviation is 0.68, so 3.2 and 2.8 share a band of that width."""
    data, second = make_dataset(FOUR), says(1, 2, 3, 4)
    query = Query.of_users(data, [0])
    banded = Cascade(first=first, second=second, width=1).fit(data)
    assert banded.score(query)[0, 0] == np.float32(4.4)
    assert banded.recommend(query, 4).item[0].tolist() == [2, 1, 3, -1]
    ranked = Cascade(first=first, second=second, how="re-rank", top=2).fit(data)
    np.testing.assert_allclose(ranked.score(query)[0], [4.4, 2.8, 3.2, 1.6])


def test_a_filter_leaves_its_places_to_those_it_allows(make_dataset, says, first):
    """Without 1, the first two are 0 and 2; without 0, bands are measured from 3.2 down: 3.2 and 2.8 share one."""
    data, second = make_dataset(FOUR), says(1, 2, 3, 4)
    nobody = Query.of_users(data, [-1])
    ranked = Cascade(first=first, second=second, how="re-rank", top=2).fit(data)
    allowed = np.array([True, False, True, True])
    assert ranked.recommend(nobody, 4, allowed=allowed).item[0].tolist() == [2, 0, 3, -1]
    assert ranked.recommend(nobody, 4).item[0].tolist() == [1, 0, 2, 3]
    banded = Cascade(first=first, second=second, width=1).fit(data)
    allowed = np.array([False, True, True, True])
    listed = banded.recommend(nobody, 4, allowed=allowed)
    assert listed.item[0].tolist() == [2, 1, 3, -1]
    h = np.std([3.2, 2.8, 1.6])
    np.testing.assert_allclose(listed.score[0, :3], 3.2 - h * np.array([0.25, 0.75, 2.5]), rtol=1e-6)


def tables():
    """Scores of a first and a second model as they come: of any size, with ties, and almost or quite constant."""
    rng = np.random.default_rng(3)
    for trial in range(300):
        n = int(rng.choice([1, 2, 3, 20, 300, 3000]))
        spread, middle = 10.0 ** rng.integers(-6, 6), rng.choice([0.0, 3.5, -40.0, 1e5])
        own = (middle + spread * rng.normal(size=n)).astype(np.float32)
        if trial % 3 == 0:
            own = rng.integers(0, 5, n).astype(np.float32) * np.float32(spread)
        if trial % 17 == 0:
            own = np.full(n, middle, np.float32)
        second = rng.integers(0, 50, n).astype(np.float64) if trial % 2 else rng.normal(size=n)
        second[rng.random(n) < 0.1] = -np.inf
        yield rng, own, second


def test_nothing_leaves_its_band_and_the_second_orders_each():
    for rng, own, second in tables():
        item = np.flatnonzero(rng.random(len(own)) < 0.9)
        decided = in_bands(item, own, second, width := float(rng.choice([0.01, 0.3, 1, 10])))
        assert sorted(decided.item) == item.tolist()
        if not len(item):
            continue
        score, was, band = decided.score.astype(np.float32), own[decided.item].astype(np.float64), decided.band
        assert (np.diff(score) < 0).all()  # in the order of the decision, without a tie
        assert (np.diff(band) >= 0).all()
        assert band[0] == 0
        low, high = (np.full(band.max() + 1, start) for start in (np.inf, -np.inf))
        np.minimum.at(low, band, was)
        np.maximum.at(high, band, was)
        used = np.unique(band)
        assert (low[used][:-1] > high[used][1:]).all()  # what the first sets apart by a band stays apart
        liked, inside = second[decided.item], np.diff(band) == 0
        assert (liked[:-1] >= liked[1:])[inside].all()
        assert (was[:-1] >= was[1:])[inside & (liked[:-1] == liked[1:])].all()
        h = width * was.std()
        if h > 1e-5 * len(item) * np.abs(was).max():  # wide enough for float32: the edges are where they should be
            assert (score <= was.max() - h * band).all()
            assert (score >= was.max() - h * (band + 1)).all()
            assert (np.floor((was.max() - was) / h) == band).all()


def test_re_ranking_hands_the_first_scores_around_and_touches_no_others():
    for rng, own, second in tables():
        item = np.flatnonzero(rng.random(len(own)) < 0.9).astype(np.int32)
        item = item[np.argsort(-own[item], kind="stable")]
        top = int(rng.choice([1, 2, 10, 500]))
        decided = re_rank(item[: top + 1], own, second, top)
        assert sorted(decided.item) == sorted(item[:top])
        score = decided.score.astype(np.float32)
        assert (np.diff(score) < 0).all()
        liked, was = second[decided.item], decided.coarse
        assert (liked[:-1] >= liked[1:]).all()
        assert (was[:-1] >= was[1:])[liked[:-1] == liked[1:]].all()
        if len(item) > top:
            assert score[-1] > own[item[top]]
        size = np.abs(own[item]).max(initial=0)
        np.testing.assert_allclose(score, own[item[:top]], rtol=0, atol=1e-6 * top * (size + 1e-24))
        apart = np.diff(own[item[: top + 1]].astype(np.float64)) < -1e-6 * size
        if apart.all():
            np.testing.assert_array_equal(score, own[item[:top]])


def test_the_last_that_is_re_ranked_stays_ahead_of_its_equals_behind_it(make_dataset, says):
    """The first two, 3 and 0, exchange 4 and 3. Movie 1 has 3 too, and equal movies stand in the order of positions."""
    data = make_dataset(FOUR)
    fitted = Cascade(first=says(3, 3, 3, 4), second=says(2, 9, 9, 1), how="re-rank", top=2).fit(data)
    assert fitted.recommend(Query.of_users(data, [-1]), 4).item[0].tolist() == [0, 3, 1, 2]


def test_re_ranking_leaves_all_others_bit_for_bit(tastes):
    query = Query.of_users(tastes, [0, 3, -1])
    alone = ItemKNN().fit(tastes)
    again = Cascade(how="re-rank", top=4).fit(tastes).score(query)
    for row, leading in enumerate(alone.recommend(query, 4).item):
        others = np.setdiff1d(np.arange(40), leading)
        np.testing.assert_array_equal(again[row, others], alone.score(query)[row, others])


def test_moving_all_scores_moves_the_answer():
    rng = np.random.default_rng(0)
    own, second, item = rng.normal(3, 1, 200), rng.normal(size=200), np.arange(200)
    for decide in (
        lambda scores: in_bands(item, scores, second, 0.5),
        lambda scores: re_rank(item, scores, second, 50),
    ):
        before, after = decide(np.sort(own)[::-1]), decide(np.sort(own)[::-1] + 2)
        np.testing.assert_array_equal(before.item, after.item)
        np.testing.assert_allclose(before.score + 2, after.score)


def test_a_first_model_that_finds_all_alike_leaves_everything_to_the_second(tastes):
    """All predicted ratings are the mean; within what float32 needs, the list is that of the second."""
    query = Query.of_users(tastes, [2, 7])
    second = Ease().fit(tastes)
    for how in ("bands", "re-rank"):
        fitted = Cascade(first=GlobalMean(), second=Ease(), how=how).fit(tastes)
        mean = tastes.interactions.value.mean()
        np.testing.assert_allclose(fitted.score(query), mean, atol=1e-4)
        np.testing.assert_array_equal(fitted.recommend(query, 12).item, second.recommend(query, 12).item)


@pytest.mark.parametrize(
    ("settings", "gave", "moved", "said"),
    [
        # The first's average is 3. Its band 1 is from 2.4 to 3.4: 2.9 − 3. The second lifts 2 from there to 3.15.
        ({"width": 1}, -0.1, 0.25, ("Says(scores=[4.4, 3.2, 2.8, 1.6]) (band 2)", "(place 1 of the 2 it orders)")),
        ({"how": "re-rank", "top": 3}, -0.2, 1.6, (None, "(place 1 of the 3 it orders)")),
    ],
)
def test_the_explanation_says_what_the_first_gave_and_how_far_the_second_moved_it(
    make_dataset, says, first, settings, gave, moved, said
):
    data = make_dataset(FOUR)
    fitted = Cascade(first=first, second=says(1, 2, 3, 4), **settings).fit(data)
    why = fitted.explain(Query.of_users(data, [-1]), 2)
    assert why.base == pytest.approx(3)
    by_child = {part.index: part for part in why.parts}
    assert by_child[0].weight == pytest.approx(gave, abs=1e-6)
    assert by_child[1].weight == pytest.approx(moved, abs=1e-6)
    assert [by_child[place].told.score for place in (0, 1)] == [pytest.approx(2.8), 3]
    assert by_child[1].what.endswith(said[1])
    assert by_child[0].what.endswith("(band 2)") == (said[0] is not None)
    unmoved = Cascade(first=first, second=says(1, 2, 3, 4), how="re-rank", top=2).fit(data)
    rest = {part.index: part for part in unmoved.explain(Query.of_users(data, [-1]), 2).parts}
    assert rest[1].weight == 0.0
    assert "place" not in rest[1].what


def test_without_an_opinion_of_the_first_there_is_none(make_dataset, says):
    data = make_dataset(FOUR)
    fitted, nobody = Cascade(first=says(4, None, 2, 3), second=says(1, 2, 3, 4)).fit(data), Query.of_users(data, [-1])
    assert np.isnan(fitted.score(nobody)[0]).tolist() == [False, True, False, False]
    assert fitted.recommend(nobody, 4).fallback[0].tolist() == [False, False, False, True]
    why = fitted.explain(nobody, 1)
    assert why.score == 3.0
    assert "Says has no opinion: it knows nothing of it" in why.fallback


@pytest.mark.parametrize("model", [Cascade(), Cascade(how="re-rank", top=5), Cascade(first=Content(), second=Bias())])
def test_somebody_new_and_a_movie_nobody_rated_are_answered(tastes, model):
    fitted = model.fit(tastes)
    for known in (0, 1, 3, 5, 10):
        visitor = Query.of_visitor(tastes.n_items, range(known), [4, 2, 5, 3, 1, 4, 4, 2, 5, 3][:known])
        ranking = fitted.recommend(visitor, tastes.n_items)
        assert (ranking.item[0, : tastes.n_items - known] >= 0).all()
        for item in (20, tastes.n_items - 1):
            why = fitted.explain(visitor, item)
            assert np.isfinite(why.score)
            assert (why.fallback is None) == np.isfinite(fitted.score(visitor)[0, item])


def test_traits_are_those_of_the_first():
    assert Cascade(first=Bias(), second=Popularity()).traits.ratings
    assert not Cascade(first=Bias(), second=Popularity()).traits.personal
    assert not Cascade(first=Ease(), second=Bias()).traits.ratings
    assert Cascade(first=Bias(), second=Content()).traits.features


def test_with_its_settings_for_lists_it_needs_no_ratings(make_dataset, tastes):
    model = registry.create("cascade", Cascade.ranking)
    assert not model.traits.ratings
    watched = make_dataset(np.where(tastes.interactions.matrix.toarray() > 0, 1.0, _), scale=None)
    ranking = model.fit(watched).recommend(Query.of_users(watched, [0]), 5)
    assert not ranking.fallback.any()


def test_ratings_are_predicted_in_blocks_of_people_as_bands_take_whole_rows(tastes, monkeypatch):
    """10,000 people × 27,000 movies at once would be gigabytes."""
    fitted, everyone = Cascade(first=ItemKNN(), second=Ease()).fit(tastes), Query.of_users(tastes, np.arange(60))
    row, item = (grid.ravel() for grid in np.indices((60, 40)))
    drawn = np.random.default_rng(0).permutation(len(row))[:700]
    whole, asked = fitted.predict(everyone, row[drawn], item[drawn]), []
    score = type(fitted).score

    def counted(self, query):
        asked.append(len(query))
        return score(self, query)

    monkeypatch.setattr(type(fitted), "score", counted)
    monkeypatch.setattr(model_module, "_BLOCK_CELLS", 280)
    parts = fitted.predict(everyone, row[drawn], item[drawn])
    assert max(asked) == 7
    np.testing.assert_array_equal(parts.value, whole.value)
    np.testing.assert_array_equal(parts.fallback, whole.fallback)
    assert whole.fallback.any()


def test_a_hybrid_of_hybrids(tastes):
    model = Cascade(first=Weighted(), second=Cascade(first=Mixed(), second=Popularity(), how="re-rank"))
    assert registry.from_spec(model.spec()) == model
    assert registry.parse(model.label) == model
    query, fitted = Query.of_users(tastes, [4, -1]), model.fit(tastes)
    first, second = (child.fit(tastes).score(query) for child in (model.first, model.second))
    item = np.setdiff1d(np.flatnonzero(np.isfinite(first[0])), query.history[0].indices)
    decided = in_bands(item, first[0], np.nan_to_num(second[0].astype(float), nan=-np.inf), 0.5)
    np.testing.assert_array_equal(fitted.recommend(query, 9).item[0], decided.item[:9])


@pytest.mark.parametrize(
    ("settings", "says_"),
    [
        ({"width": "0"}, "width=0 .* from 0.01 to 10"),
        ({"top": "1"}, "top=1 .* from 2 to 1000"),
        ({"how": "sideways"}, "bands, re-rank"),
        ({"first": "itemknn"}, "did you mean 'item-knn'"),
    ],
)
def test_what_cannot_be_a_cascade_is_refused(settings, says_, one_sentence):
    with pytest.raises(ModelError, match=says_) as refused:
        registry.create("cascade", settings)
    assert one_sentence(str(refused.value))


def test_a_first_that_needs_ratings_refuses_data_without(make_dataset, one_sentence):
    implicit = make_dataset([[1, _], [1, 1]], scale=None)
    with pytest.raises(ModelError, match="predicts ratings") as refused:
        Cascade().fit(implicit)
    assert one_sentence(str(refused.value))
