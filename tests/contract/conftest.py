"""The data and the models that every law is held against.

A model enters by its line in `recengine.registry`; nothing is written here for it. Where a model, or one of its
configurations, cannot obey a law by its nature, its name or id stands in `EXEMPT` with the reason, and it is then
*expected to break it*: an exemption that is no longer needed fails the run.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp

from recengine import registry
from recengine.data.dataset import Dataset, Query
from recengine.model import Recommender

# Configurations beyond the defaults: the registry's neighborhood models as they serve data without ratings.
EVIDENCE = {"similarity": "cosine", "centering": "none", "aggregation": "sum", "shrinkage": 0}
VARIANTS = [
    ("user-knn", EVIDENCE),
    ("item-knn", EVIDENCE),
    ("user-knn", {"similarity": "pearson", "centering": "z-score", "k": 5}),
    ("item-knn", {"similarity": "adjusted-cosine", "centering": "mean", "k": 5, "damping": 1.0}),
    ("user-knn", {"similarity": "cosine", "weighting": "tf-idf", "centering": "none", "aggregation": "votes"}),
    ("item-knn", {"similarity": "cosine", "weighting": "bm25", "centering": "none", "aggregation": "sum"}),
    ("ease", {"dropout": 0.6, "regularization": 400}),
    ("demographic", {"score": "lift"}),
    ("bayes-fm", {"target": "ordinal", "features": "ratings", "factors": 4, "iterations": 100, "draws": 30}),
    ("bayes-fm", {"features": "day", "factors": 4, "iterations": 100, "draws": 30}),
    ("autorec", {"by": "person"}),
    ("gru4rec", {"loss": "bpr-max", "session_gap": "24.0"}),
    ("weighted", {"learned": True, "folds": 3}),
    ("weighted", {"calibration": "z-score", "children": "content, ease", "learned": True}),
    ("weighted", {"calibration": "quantile", "children": "content, ease"}),
    ("switching", {"rule": "movie-ratings", "threshold": 30, "otherwise": "content-tree"}),
    ("switching", {"rule": "no-opinion", "preferred": "content", "otherwise": "ease"}),
    ("switching", {"rule": "uncertainty", "preferred": "bayes-fm(factors=4, iterations=100, draws=30)"}),
    ("mixed", {"how": "team-draft", "children": "ease, popularity"}),
    ("feature-combination", {"content": "content-tree", "features": "clusters", "groups": 6}),
    ("cascade", {"how": "re-rank", "top": 5, "first": "ease", "second": "content"}),
    ("feature-augmentation", {"content": "bias", "how": "residuals"}),
    ("meta-level", {"content": "content", "aggregation": "votes", "neighborhood": 20, "k": 5}),
]

EXEMPT = {
    ("test_relabelling_permutes_the_scores", "random"): "its draw belongs to a position, not to who stands there",
    ("test_a_visitor_is_scored_like_the_person", "random"): "a visitor has a draw of their own",
    ("test_a_visitor_is_scored_like_the_person", "user-knn"): "the person's stored double is the nearest neighbor",
    ("test_a_visitor_is_scored_like_the_person", "demographic"): "of a visitor, neither age nor occupation is known",
    ("test_data_without_a_single_rating_are_refused", "random"): "it learns nothing, so nothing is missing",
    ("test_relabelling_permutes_the_scores", "funk-svd"): "the order of its steps is drawn by position",
    ("test_relabelling_permutes_the_scores", "svdpp"): "the order of its steps is drawn by position",
    ("test_relabelling_permutes_the_scores", "bayes-fm"): "its draws belong to positions",
    ("test_a_visitor_is_scored_like_the_person", "bayes-fm:day-4-100-30"): "a visitor's ratings are all of one day",
    ("test_relabelling_permutes_the_scores", "bpr"): "the order of its steps is drawn by position",
    ("test_relabelling_permutes_the_scores", "autorec"): "its first weights are drawn by position",
    ("test_relabelling_permutes_the_scores", "multvae"): "its first weights are drawn by position",
    ("test_relabelling_permutes_the_scores", "dnn"): "its first weights are drawn by position",
    ("test_a_visitor_is_scored_like_the_person", "dnn"): "a visitor's age, gender and occupation are not known",
    ("test_relabelling_permutes_the_scores", "neumf"): "its first weights are drawn by position",
    ("test_relabelling_permutes_the_scores", "caser"): "its first weights are drawn by position",
    ("test_relabelling_permutes_the_scores", "gru4rec"): "its first weights are drawn by position",
    (
        "test_the_withheld_item_of_a_checkerboard_comes_first",
        "gru4rec:bpr-max-24.0",
    ): "sixteen short sequences in an order that says nothing are too little for BPR-max",
    ("test_relabelling_permutes_the_scores", "sasrec"): "its first weights are drawn by position",
    ("test_relabelling_permutes_the_scores", "blend"): "folds and draws belong to positions",
    ("test_relabelling_permutes_the_scores", "blend-top"): "the order of bpr's steps is drawn by position",
    ("test_a_visitor_is_scored_like_the_person", "blend-top"): "a visitor's age, gender and occupation are not known",
    ("test_relabelling_permutes_the_scores", "weighted:True-3"): "the folds are drawn by position",
    (
        "test_relabelling_permutes_the_scores",
        "switching:uncertainty-bayes-fm(factors=4, iterations=100, draws=30)",
    ): "its child's draws belong to positions",
    ("test_relabelling_permutes_the_scores", "weighted:z-score-content, ease-True"): "the folds are drawn by position",
    ("test_relabelling_permutes_the_scores", "mixed"): "what a child finds equal keeps the order of positions",
    ("test_relabelling_permutes_the_scores", "feature-augmentation:bias-residuals"): "the folds are drawn by position",
}


def configurations() -> list:
    """Every model with its defaults, then the variants, each as a pytest parameter."""
    plain = [pytest.param((name, {}), id=name) for name in registry.names()]
    return plain + [pytest.param(v, id=f"{v[0]}:{'-'.join(map(str, v[1].values()))}") for v in VARIANTS]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model_name" in metafunc.fixturenames:
        metafunc.parametrize("model_name", registry.names())
    if "configuration" in metafunc.fixturenames:
        metafunc.parametrize("configuration", configurations())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        given = getattr(item, "callspec", None)
        if given is None or "configuration" not in given.params:
            continue
        reasons = [EXEMPT.get((item.originalname, who)) for who in (given.params["configuration"][0], given.id)]
        if reason := next(filter(None, reasons), None):
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


@pytest.fixture
def model(configuration, light) -> Recommender:
    """The model at hand."""
    name, parameters = configuration
    return registry.create(name, {**light.get(name, {}), **parameters})


@pytest.fixture
def suitable(model: Recommender, explicit: Dataset, implicit: Dataset) -> list[Dataset]:
    """The data the model at hand can learn from: ratings always, and those without where it only ranks."""
    return [explicit] if model.traits.ratings else [explicit, implicit]


@pytest.fixture(scope="session")
def explicit(make_dataset) -> Dataset:
    """60 people of four kinds × 50 movies, half of the cells rated with half stars, times, genres; movie 49 unrated."""
    return with_kinds(make_dataset(ratings_table(), features=genres(50)))


@pytest.fixture(scope="session")
def implicit(make_dataset) -> Dataset:
    """The same people and movies, where the data only say that something was watched."""
    return with_kinds(make_dataset(np.where(np.isnan(ratings_table()), np.nan, 1.0), scale=None, features=genres(50)))


@pytest.fixture(scope="session")
def wide(make_dataset) -> Dataset:
    """300 people × 280 movies, a tenth rated: enough rows that the work is shared out among threads."""
    return with_kinds(make_dataset(ratings_table(300, 280, 0.1), features=genres(280)))


@pytest.fixture(scope="session")
def several() -> Callable[[Dataset], Query]:
    """A batch of stored people, a person asked for twice, somebody unknown, and a visitor's two ratings."""
    return mixed_batch


def ratings_table(n_users=60, n_items=50, density=0.5, seed=7):
    """Ratings with two tastes in them, so that neighbors are worth something; the last movie has none."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    stars = 3 + rng.normal(0, 0.4, (n_users, 1)) + rng.normal(0, 0.4, n_items) + 0.8 * taste
    stars = np.clip(np.round(2 * (stars + rng.normal(0, 0.3, taste.shape))) / 2, 1, 5)
    rated = rng.random(taste.shape) < density
    rated[:, -1] = False
    rated[np.arange(n_users), rng.integers(0, n_items - 1, n_users)] = True
    return np.where(rated, stars, np.nan)


def genres(n_items):
    return (np.random.default_rng(3).random((n_items, 3)) < 0.4).astype(np.float32)


def with_kinds(data: Dataset) -> Dataset:
    """The same data, where people are of one gender and of one age, two of each, or nothing is known of them."""
    rng = np.random.default_rng(6)
    kind = np.hstack([np.eye(2)[rng.integers(0, 2, data.n_users)] for _ in range(2)])
    kind[5] = 0
    names = ("gender: F", "gender: M", "age: 25-34", "age: 35-44")
    return dataclasses.replace(data, user_features=sp.csr_matrix(kind, dtype="f4"), user_feature_names=names)


def mixed_batch(train: Dataset) -> Query:
    stored = Query.of_users(train, [3, 0, -1, 17, 3])
    rated = train.interactions.item[:2]
    visitor = Query.of_visitor(train.n_items, rated, train.interactions.value[:2])
    width = stored.sequence.shape[1]
    sequence = np.full((1, width), -1, np.int32)
    sequence[0, width - 2 :] = rated
    return Query(
        np.concatenate([stored.user, visitor.user]),
        sp.csr_matrix(sp.vstack([stored.history, visitor.history])),
        np.concatenate([stored.sequence, sequence]),
    )
