"""Collaboration via content: four people worked by hand, a plain loop, and what it can say of the nearly unknown."""

from itertools import product
from math import sqrt

import numpy as np
import pytest

from recengine import registry
from recengine.data import movielens, sources, split
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.evaluate import evaluate
from recengine.lab import Lab
from recengine.models.baseline import Bias
from recengine.models.content import Content
from recengine.models.hybrid.meta import MetaLevel, signatures
from recengine.models.hybrid.weighted import Weighted
from recengine.models.neighbors import ItemKNN, UserKNN
from recengine.store import Store

X = np.nan

# Movies 0 and 1 are noir, 2 and 3 war. A star for watching: person 0 has weights 3 and −1, profile (3, −1) / 4;
# person 1 has 2 and 0, profile (1, 0); person 2 has 0 and 2, profile (0, 1); person 3 has 1 and 1, profile (1, 1) / 2.
GENRES = [[1, 0], [1, 0], [0, 1], [0, 1]]
FOUR = [
    [5, X, 1, X],
    [X, 4, X, 2],
    [X, 2, 4, X],
    [X, 3, X, 3],
]
# To person 0: person 1, with whom they share no movie, 3 / √10 over one feature; person 2 −1 / √10, which is none;
# person 3 (3 − 1) / (√10 · √2) over two.
S1, S3 = 3 / sqrt(10), 2 / sqrt(20)


def meta(**parameters):
    plain = {"content": Content(presence=1, damping=0), "shrinkage": 0, "damping": 0}
    return MetaLevel(**plain | parameters)


class TestByHand:
    """Person 0 has rated movies 0 and 2; what about 1 and 3?"""

    @pytest.fixture
    def data(self, make_dataset):
        return make_dataset(FOUR, features=GENRES)

    @pytest.mark.parametrize(
        ("parameters", "wanted"),
        [
            ({"aggregation": "sum"}, [S1 * 4 + S3 * 3, S1 * 2 + S3 * 3]),  # 5.1359 and 3.2390
            ({"aggregation": "votes"}, [S1 + S3, S1 + S3]),
            ({"aggregation": "sum", "k": 1}, [S1 * 4, S1 * 2]),
            ({"aggregation": "sum", "neighborhood": 1}, [S1 * 4, S1 * 2]),
            ({"aggregation": "sum", "shrinkage": 1}, [S1 / 2 * 4 + S3 * 2 / 3 * 3, S1 / 2 * 2 + S3 * 2 / 3 * 3]),
        ],
    )
    def test_evidence(self, data, parameters, wanted):
        fitted, query = meta(**parameters).fit(data), Query.of_users(data, [0])
        score = fitted.score(query)[0]
        np.testing.assert_allclose(score[[1, 3]], wanted, rtol=1e-6)
        assert np.isnan(score[0])  # nobody else rated it
        assert fitted.recommend(query, 4).item[0].tolist() == [1, 3, -1, -1]

    @pytest.mark.parametrize("damping", [0, 2])
    def test_ratings(self, data, damping):
        fitted, query = meta(damping=damping).fit(data), Query.of_users(data, [0])
        b = Bias().fit(data).score(Query.of_users(data, range(4)))
        for item, (first, third) in {1: (4, 3), 3: (2, 3)}.items():
            total = S1 * (first - b[1, item]) + S3 * (third - b[3, item])
            wanted = b[0, item] + total / (S1 + S3 + damping)
            assert fitted.score(query)[0, item] == pytest.approx(wanted, abs=1e-5)

    def test_the_explanation_names_the_neighbors_and_what_they_agree_on(self, data):
        fitted, query = meta(damping=2).fit(data), Query.of_users(data, [0])
        why = fitted.explain(query, 1)
        assert why.exact
        assert why.base == pytest.approx(float(fitted.fallback(query)[0, 1]))
        assert why.score == pytest.approx(why.base + sum(part.weight for part in why.parts), abs=1e-12)
        assert why.score == pytest.approx(float(fitted.score(query)[0, 1]), abs=1e-5)
        told = {part.index: part for part in why.parts}
        assert {index: (part.kind, part.rating) for index, part in told.items()} == {1: ("person", 4), 3: ("person", 3)}
        assert [told[1].similarity, told[3].similarity] == pytest.approx([S1, S3])
        assert [told[1].what, told[3].what] == ["both like genre: g0"] * 2

    def test_what_both_dislike_makes_people_alike_too(self, make_dataset):
        data = make_dataset([[5, X, 1, X], [X, 5, X, 1], [X, 3, 1, X]], features=GENRES)
        why = meta(content=Content(presence=0, damping=0)).fit(data).explain(Query.of_users(data, [0]), 1)
        assert [part.what for part in why.parts] == ["both like genre: g0 and dislike genre: g1"] * 2

    @pytest.mark.parametrize(
        ("who", "item", "says"),
        [
            (0, 0, "nobody with a similar profile has rated this movie"),
            (-1, 0, "nothing has been rated yet"),
        ],
    )
    def test_no_opinion_says_why(self, data, who, item, says):
        fitted, query = meta().fit(data), Query.of_users(data, [who])
        assert np.isnan(fitted.score(query)[0, item])
        why = fitted.explain(query, item)
        assert why.fallback == f"{says}; the user and item bias stands in"
        assert why.score == pytest.approx(float(fitted.fallback(query)[0, item]))

    def test_a_taste_that_nobody_shares_and_ratings_that_tell_no_taste(self, make_dataset):
        data = make_dataset([[5, 1], [1, 5], [3, 3]], features=np.eye(2))
        fitted = meta(content=Content(presence=0, damping=0)).fit(data)
        assert "nobody has a similar profile" in fitted.explain(Query.of_users(data, [0]), 0).fallback
        assert "tell nothing of what kinds" in fitted.explain(Query.of_users(data, [2]), 0).fallback


@pytest.fixture(scope="module")
def tastes(make_dataset):
    """70 people × 40 movies of six genres, a third of the cells rated; nobody rated the last movie."""
    rng = np.random.default_rng(5)
    genres = rng.random((40, 6)) < 0.35
    liking = rng.normal(size=(70, 6)) @ genres.T
    table = np.clip(np.round(2 * (3 + 0.6 * liking + rng.normal(0, 0.4, liking.shape))) / 2, 1, 5)
    table[(rng.random(table.shape) > 0.35) | (np.arange(40) == 39)] = X
    return make_dataset(table, features=genres)


def looped(data, model, query):
    """The model's formula, person by person."""
    content = model.content.fit(data)
    everyone = Query.of_users(data, np.arange(data.n_users))
    theirs, own = content.profiles(everyone), content.profiles(query)[0]
    ratings = data.interactions.matrix.toarray()
    rated = np.zeros(ratings.shape, bool)
    rated[data.interactions.user, data.interactions.item] = True
    biases = Bias().fit(data)
    b, base = biases.score(everyone), biases.score(query)[0]
    similarity = {}
    for person in range(data.n_users):
        length = np.linalg.norm(own) * np.linalg.norm(theirs[person])
        shared = np.count_nonzero(own * theirs[person])
        if length > 0 and person != query.user[0]:
            found = own @ theirs[person] / length * shared / (shared + model.shrinkage)
            similarity |= {person: found} if found > 0 else {}
    near = sorted(similarity, key=lambda person: -similarity[person])[: model.neighborhood]
    score = np.full(data.n_items, np.nan)
    for item in range(data.n_items):
        top = [person for person in near if rated[person, item]][: model.k]
        if top:
            s, r = np.array([similarity[person] for person in top]), ratings[top, item]
            deviation = s @ (r - b[top, item]) / (s.sum() + model.damping)
            score[item] = {"average": base[item] + deviation, "sum": s @ r, "votes": s.sum()}[model.aggregation]
    return score


@pytest.mark.parametrize(
    ("aggregation", "presence", "k", "neighborhood", "shrinkage"),
    list(product(["average", "sum", "votes"], [0, 2], [3, 60], [20], [0, 5])),
)
def test_the_fast_path_equals_a_plain_loop(tastes, aggregation, presence, k, neighborhood, shrinkage):
    model = MetaLevel(
        content=Content(presence=presence), aggregation=aggregation, k=k, neighborhood=neighborhood,
        shrinkage=shrinkage, damping=1.5,
    )  # fmt: skip
    fitted, items = model.fit(tastes), np.arange(tastes.n_items)
    for query in (Query.of_users(tastes, [6]), Query.of_visitor(tastes.n_items, [3, 1, 8], [5, 1, 3.5])):
        wanted = looped(tastes, model, query)
        assert np.isfinite(wanted).any()
        np.testing.assert_allclose(fitted.score(query)[0], wanted, rtol=1e-4, atol=1e-5)
        cells = fitted.score_cells(query, np.zeros_like(items), items)
        np.testing.assert_allclose(cells, wanted, rtol=1e-4, atol=1e-5)


def test_a_movie_rated_nought_carries_its_weight(make_dataset):
    """On a scale from −2 to 2, a neighbor's 0 is a rating, and is explained as one."""
    data = make_dataset(np.array(FOUR) - 3, scale=(-2.0, 2.0), features=GENRES)
    why = meta().fit(data).explain(Query.of_users(data, [0]), 1)
    assert sorted((part.index, part.rating) for part in why.parts) == [(1, 1), (3, 0)]


class TestDoubles:
    """A visitor with the very ratings of a stored person is taken for that person, who is no neighbor."""

    def test_the_double_is_left_out_and_nobody_else(self, tastes):
        fitted, stored = MetaLevel().fit(tastes), Query.of_users(tastes, [12])
        rated, stars = stored.history.indices, stored.history.data
        visitor = Query.of_visitor(tastes.n_items, rated, stars)
        assert 12 not in fitted.neighbors(visitor).row(0)[0]
        np.testing.assert_array_equal(fitted.neighbors(visitor).index, fitted.neighbors(stored).index)
        nearly = Query.of_visitor(tastes.n_items, rated, [*stars[:-1], 6 - stars[-1] + 0.5])
        assert 12 in fitted.neighbors(nearly).row(0)[0]

    def test_two_people_with_the_same_ratings_are_each_others_neighbors(self, make_dataset):
        data = make_dataset([[5, 1, X, 4], [5, 1, X, 4], [2, X, 4, X]], features=GENRES)
        fitted = MetaLevel().fit(data)
        visitor = Query.of_visitor(4, [3, 0, 1], [4, 5, 1])
        near = [set(fitted.neighbors(query).index) for query in (*(Query.of_users(data, [u]) for u in (0, 1)), visitor)]
        assert near == [{1, 2}, {0, 2}, {1, 2}]
        everyone = fitted.score(Query.of_users(data, [0, 1]))
        np.testing.assert_array_equal(everyone[[0]], fitted.score(visitor))
        np.testing.assert_array_equal(everyone[0], everyone[1])

    def test_signatures_tell_ratings_apart(self, tastes):
        ratings = tastes.interactions.matrix
        keys = np.random.default_rng(1).random((2, tastes.n_items))
        found = signatures(ratings, keys)
        assert len(set(found)) == tastes.n_users
        np.testing.assert_array_equal(signatures(ratings[[4, 2]], keys), found[[4, 2]])
        nought = ratings[[3]].copy()
        nought.data[0] = 0.0
        without = nought.copy()
        without.eliminate_zeros()
        assert signatures(nought, keys) != signatures(without, keys)


class TestColdStart:
    """A profile is there from the first rating on."""

    STARS = (5, 1, 4, 2, 5, 3, 1, 4, 2, 5)

    @pytest.mark.parametrize("known", [0, 1, 3, 5, 10])
    @pytest.mark.parametrize("parameters", [{}, MetaLevel.ranking])
    def test_somebody_who_has_rated_little(self, tastes, known, parameters):
        fitted = MetaLevel(**parameters).fit(tastes)
        visitor = Query.of_visitor(tastes.n_items, range(known), self.STARS[:known])
        ranking, opinion = fitted.recommend(visitor, tastes.n_items), np.isfinite(fitted.score(visitor)[0])
        assert (ranking.item[0, : tastes.n_items - known] >= 0).all()
        assert opinion.sum() == (39 if known else 0)  # of every movie that somebody rated
        assert ranking.fallback[0, 0] == (known == 0)
        unrated = fitted.explain(visitor, 39)
        assert unrated.fallback
        assert np.isfinite(unrated.score)
        assert (fitted.explain(visitor, 20).fallback is None) == (known > 0)

    def test_whoever_rated_what_nobody_else_did_has_neighbors_all_the_same(self, tastes):
        visitor = Query.of_visitor(tastes.n_items, [39], [5])
        assert np.isfinite(MetaLevel().fit(tastes).score(visitor)).sum() == 39
        assert not np.isfinite(UserKNN().fit(tastes).score(visitor)).any()


def test_the_content_model_is_fitted_once_for_whoever_asks(tmp_path, monkeypatch):
    rows = [f"{u},{i},{1 + (u * i) % 5}" for u in range(12) for i in range(9) if (u + i) % 3]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]), "utf-8")
    fits, plain = [], Content.fit
    monkeypatch.setattr(Content, "fit", lambda self, *rest: fits.append(self) or plain(self, *rest))
    lab, data = Lab(Store(tmp_path / "cache")), str(tmp_path / "ratings.csv")
    alone = lab.fitted(data, Content())
    hybrid = lab.fitted(data, MetaLevel(content=Content()))
    lab.fitted(data, MetaLevel(content=Content(), k=5))
    assert fits == [Content()]
    assert hybrid.content is alone
    assert Lab(Store(tmp_path / "cache")).fitted(data, hybrid.model).content.model == Content()
    assert fits == [Content()]


def test_a_hybrid_of_hybrids(tastes):
    outer = Weighted(children=(MetaLevel(content=Content(presence=1)), ItemKNN()), weights=(1, 0))
    assert registry.from_spec(outer.spec()) == outer
    assert registry.parse(outer.label) == outer
    query = Query.of_users(tastes, [4])
    np.testing.assert_array_equal(outer.fit(tastes).score(query), outer.children[0].fit(tastes).score(query))
    told = outer.fit(tastes).explain(query, 3).parts[0].told
    assert {part.kind for part in told.parts} == {"person"}


def test_what_does_not_suit_is_refused(tastes, make_dataset, one_sentence):
    implicit = make_dataset([[1, X, 1, X], [X, 1, 1, X]], scale=None, features=GENRES)
    for model, data, says in (
        (MetaLevel(content=Bias()), tastes, "compares the profiles .* bias learns none: set content=content"),
        (MetaLevel(content="user-knn"), tastes, "user-knn learns none"),
        (MetaLevel(), implicit, "holds none, only who met what"),
    ):
        with pytest.raises(ModelError, match=says) as refused:
            model.fit(data)
        assert one_sentence(str(refused.value))


def test_movielens_100k(ml100k_zip):
    """Folds u1 and ua as GroupLens distributes them, defaults and `ranking`; on ua all unseen movies are ranked.

    Measured: RMSE .9358 (bias .9536, user-knn .9291), NDCG@10 .248 (content .051, popularity .133, user-knn .282).
    """
    loaded = sources.load(str(ml100k_zip))
    for fold, model, metric, low, high in (
        ("u1", MetaLevel(), "rmse", 0.934, 0.938),
        ("ua", MetaLevel(**MetaLevel.ranking), "ndcg@10", 0.24, 0.256),
    ):
        cut = split.canonical(loaded.dataset, fold, movielens.canonical_fold(loaded.where, fold, loaded.dataset))
        assert low <= evaluate(cut, [model], [metric], resamples=0).results[0].metrics[metric].value <= high
