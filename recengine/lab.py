"""The front door: "this dataset, this model, this question" → answer.

Pages, command line and HTTP call a `Lab` and nothing under it. Ids and titles live here; below are positions.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from recengine import describe, evaluate, profile, registry, telling, training, validation, workbench
from recengine.answers import (
    Catalogue,
    Filters,
    Found,
    GivenBack,
    Job,
    ModelInfo,
    Predicted,
    Recommendations,
    Run,
    Similar,
    StoredPerson,
    Weighing,
    Who,
    Why,
    Workbench,
)
from recengine.bootstrap import Interval
from recengine.data import movielens, sources, split
from recengine.data.dataset import Dataset
from recengine.errors import DataError, ModelError
from recengine.evaluate import Evaluation
from recengine.jobs import Jobs
from recengine.model import Context, Fitted, Recommender
from recengine.models.autorec import AutoRec, FittedAutoRec
from recengine.models.content import Content, FittedContent
from recengine.models.hybrid.weighted import FittedWeighted, Weighted
from recengine.models.neighbors import FittedItemKNN, ItemKNN
from recengine.shelf import Shelf
from recengine.store import Artifact, Store, StoreInfo, identity

_DATASETS_IN_MEMORY = 4

Progress = Callable[[float, str], None]
T = TypeVar("T")


class Lab:
    """Datasets, models and everything that is worked out from them, through one store."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self._shelves: OrderedDict[tuple[str, float], Shelf] = OrderedDict()
        self._guard = threading.RLock()
        self._said, self._jobs = workbench.Memory(), Jobs()

    # Data

    def sources(self) -> list[sources.SourceInfo]:
        """The datasets known by name, and whether each is here."""
        return sources.known()

    def shelf(self, data: str) -> Shelf:
        """A dataset by name or path, loaded once, and again when its file has changed."""
        with self._guard:
            key = (data, sources.stamp(data))
            if key not in self._shelves:
                self._shelves[key] = Shelf(sources.load(data))
                while len(self._shelves) > _DATASETS_IN_MEMORY:
                    self._shelves.popitem(last=False)
            self._shelves.move_to_end(key)
            return self._shelves[key]

    def describe(self, data: str) -> describe.Description:
        """Size, distributions, long tail, activity, and what to beware of."""
        return self.shelf(data).description

    def catalogue(self, data: str) -> Catalogue:
        """What filters and headings need to know."""
        shelf = self.shelf(data)
        dataset, genres = shelf.dataset, shelf.dataset.movies["genres"].explode().dropna().value_counts()
        years = dataset.movies["year"].dropna()
        return Catalogue(
            tuple(genres.index.astype(str)),
            (int(years.min()), int(years.max())) if len(years) else None,
            dataset.scale,
            dataset.n_users,
            dataset.n_items,
            len(dataset.interactions),
            dataset.fingerprint,
            dataset.about,
        )

    def search(self, data: str, text: str, limit: int = 10) -> list[Found]:
        """Movies whose title matches what was typed so far; the most rated for an empty text."""
        shelf = self.shelf(data)
        return [shelf.found(int(index)) for index in shelf.titles.find(text, limit)]

    def movie(self, data: str, reference: Any) -> Found:
        """A movie by id or title."""
        shelf = self.shelf(data)
        return shelf.found(shelf.movie(reference))

    def people(self, data: str, text: str = "", limit: int = 50) -> list[Any]:
        """Ids of people that begin with what was typed."""
        ids = self.shelf(data).dataset.users.ids
        return [i.item() for i in ids[np.char.startswith(ids.astype(np.str_), text.strip())][:limit]]

    def interesting_people(self, data: str, n: int = 20) -> list[Any]:
        """Ids of people with a distinct taste and enough ratings to show it."""
        dataset = self.shelf(data).dataset
        return [dataset.users.id(int(index)) for index in profile.interesting_people(dataset, n)]

    def person(self, data: str, user_id: Any) -> profile.Person:
        """A person's ratings and taste."""
        shelf = self.shelf(data)
        return profile.person(shelf.dataset, shelf.biases, shelf.person(user_id))

    def user_profile(self, data: str, user_id: Any) -> profile.UserProfile:
        """A person by stars, by what they watched and when, and by features as the model `content` sees them."""
        shelf = self.shelf(data)
        return profile.user_profile(shelf.dataset, shelf.biases, shelf.person(user_id), self._content(data))

    def item_profile(self, data: str, reference: Any) -> profile.ItemProfile:
        """A movie by its ratings, and by its features as the model `content` weighs them."""
        shelf = self.shelf(data)
        return profile.item_profile(shelf.dataset, shelf.movie(reference), self._content(data))

    # Models

    def models(self) -> list[ModelInfo]:
        """Every model with its parameters and traits."""
        found = []
        for name in registry.names():
            kind = registry.model_class(name)
            told, ranking = tuple(registry.parameters(kind)), tuple(sorted(kind.ranking.items()))
            found.append(ModelInfo(name, kind.title, kind.family, registry.summary(kind), told, kind().traits, ranking))
        return found

    def model(self, what: str | Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> Recommender:
        """A model by its name, label or specification; `parameters` go before those it has there.

        Raises `ModelError` with one sentence.
        """
        model = registry.parse(what) if isinstance(what, str) else registry.from_spec(what)
        if not parameters:
            return model
        told = {name: value for name, value in model.spec().items() if name != "model"}
        return registry.create(model.name, {**told, **parameters})

    def fitted(self, data: str, model: Recommender, *, seed: int = 0, progress: Progress | None = None) -> Fitted:
        """The model fitted to all of the data, from the store where it is there."""
        return self._fit(model, self.shelf(data).dataset, Context(seed, progress or _quiet)).value

    # Questions

    def recommend(
        self,
        data: str,
        model: Recommender,
        who: Who,
        k: int = 10,
        filters: Filters = Filters(),
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Recommendations:
        """The `k` best unseen movies, each with its reason."""
        if k < 1:
            raise DataError(f"A list of {k} movies is not possible: ask for at least 1.")
        shelf, fitted = self.shelf(data), self.fitted(data, model, seed=seed, progress=progress)
        query = shelf.query(who).among(shelf.allowed(filters))
        ranking = fitted.recommend(query, min(k, shelf.dataset.n_items), allowed=query.allowed)
        items = telling.ranked(shelf, fitted, query, ranking)
        user = shelf.dataset.users.id(int(query.user[0])) if isinstance(who, StoredPerson) else None
        return Recommendations(model.spec(), user, items, fitted.notes)

    def explain(
        self, data: str, model: Recommender, who: Who, item: Any, filters: Filters = Filters(), *, seed: int = 0,
        progress: Progress | None = None,
    ) -> Why:  # fmt: skip
        """Why a movie gets its score, in full, and what it owes to the rating that helped it most."""
        shelf, fitted = self.shelf(data), self.fitted(data, model, seed=seed, progress=progress)
        return telling.why(shelf, fitted, shelf.query(who).among(shelf.allowed(filters)), shelf.movie(item))

    def given_back(self, data: str, model: Recommender, who: Who, *, seed: int = 0) -> tuple[GivenBack, ...]:
        """A person's ratings beside what an autoencoder makes of them, the largest differences first."""
        if not isinstance(model, AutoRec):
            raise ModelError(f"{model.name} gives back no ratings: use autorec.")
        shelf, fitted = self.shelf(data), self.fitted(data, model, seed=seed)
        assert isinstance(fitted, FittedAutoRec)
        return telling.given_back(shelf, fitted, shelf.query(who))

    def predict(
        self, data: str, model: Recommender, user_id: Any, item: Any, *, seed: int = 0,
        progress: Progress | None = None,
    ) -> Predicted:  # fmt: skip
        """The predicted rating of one person for one movie."""
        if not model.traits.ratings:
            raise ModelError(f"{model.name} ranks and does not predict ratings: use recommend, or a rating model.")
        shelf, fitted = self.shelf(data), self.fitted(data, model, seed=seed, progress=progress)
        query, index = shelf.query(StoredPerson(user_id)), shelf.movie(item)
        predicted, card, told = fitted.predict(query, [0], [index]), shelf.found(index), fitted.explain(query, index)
        fallback = told.fallback if predicted.fallback[0] else None
        user, stars = shelf.dataset.users.id(int(query.user[0])), float(predicted.value[0])
        return Predicted(
            model.spec(), user, card.item_id, card.title, stars, fallback, told.deviation, fitted.notes
        )  # fmt: skip

    def workbench(
        self,
        data: str,
        model: Recommender,
        who: Who,
        k: int = 10,
        filters: Filters = Filters(),
        *,
        item: Any = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Workbench:
        """A hybrid's `k` best unseen movies beside the lists of the models it is made of, and why `item` stands there.

        What those models said of this person is remembered: with other weights they are not asked again.
        """
        if k < 1:
            raise DataError(f"A list of {k} movies is not possible: ask for at least 1.")
        shelf, context = self.shelf(data), Context(seed, progress or _quiet)
        for needed in (model, *registry.children(model)):
            self._fit(needed, shelf.dataset, context)
        query, index = shelf.query(who), None if item is None else shelf.movie(item)
        parts = workbench.Assembly(
            shelf.dataset, seed, lambda part: self._fit(part, shelf.dataset, Context(seed)).value, self._said
        )
        return workbench.take_apart(shelf, model, query.among(shelf.allowed(filters)), k, index, parts)

    def weighing(self, data: str, model: Recommender, *, seed: int = 0, progress: Progress | None = None) -> Weighing:
        """What the weights of a weighted hybrid are worth, and what others would be, on training ratings held back.

        The children are fitted without them once, whatever the weights. Learned ones are measured as if they were
        given, scaled to sum 1 and on the very ratings that they were learned from.
        """
        if not isinstance(model, Weighted):
            raise ModelError(f"{model.name} has no weights to measure: choose weighted.")
        train, context = self.shelf(data).dataset, Context(seed, progress or _quiet)
        given = model.weights
        if model.learned:
            fitted = self._fit(model, train, context.part(0.0, 0.5)).value
            assert isinstance(fitted, FittedWeighted)
            given, context = tuple(fitted.weights.tolist()), context.part(0.5, 0.5)
        now = validation.shares_of(given, model)
        bare = Weighted(children=model.children, calibration=model.calibration, folds=model.folds)
        make = partial(validation.validate, bare, train, self._inside(context))
        return validation.weighing(self._keep("validation", bare, train, seed, make, context.check).value, now)

    def similar(
        self, data: str, item: Any, k: int = 10, *, model: Recommender | None = None, progress: Progress | None = None
    ) -> list[Similar]:
        """The movies nearest to one, by the similarity of an item-based model (that for ranking unless given)."""
        shelf = self.shelf(data)
        index = shelf.movie(item)
        fitted = self.fitted(data, model or registry.create("item-knn", ItemKNN.ranking), progress=progress)
        if not isinstance(fitted, FittedItemKNN):
            raise ModelError(f"{fitted.model.name} does not compare movies: use item-knn.")
        return telling.similar(shelf, index, k, *fitted.neighbors.row(index))

    # Jobs

    def train(self, data: str, model: Recommender, *, seed: int = 0) -> Job:
        """The job that fits a model to all of the data for the store, begun unless somebody else began it."""
        train, asked = self.shelf(data).dataset, training.task(data, model, seed)
        key = self.store.key(_depends_on("fit", model, train, seed))
        return self._jobs.start(key, asked, lambda context: self._fit(model, train, replace(context, seed=seed)))

    def jobs(self) -> tuple[Job, ...]:
        """Everybody's jobs, as asked for: the queued, the running, and the last that ended."""
        return self._jobs.all()

    def job(self, key: str) -> Job | None:
        """The last job of that key, None where none is known."""
        return self._jobs.find(key)

    def cancel(self, key: str) -> None:
        """End a job for everyone who waits for it; one that has ended stays as it is."""
        self._jobs.cancel(key)

    def runs(self, data: str, limit: int = 50) -> tuple[Run, ...]:
        """The last networks in the store that learned from all of these data, with their curves, the newest first."""
        return training.runs(self.store, data, self.shelf(data).dataset.fingerprint, limit)

    # Comparisons

    def splits(self, data: str) -> tuple[str, ...]:
        """Names of the splits these data can be cut into: published folds first."""
        shelf = self.shelf(data)
        folds = movielens.canonical_folds(shelf.loaded.where) if shelf.loaded.where else ()
        dated = shelf.dataset.interactions.time is not None
        return (*folds, *(name for name in split.NAMES if dated or name != "temporal"))

    def split(self, data: str, name: str, *, seed: int = 0, **parameters: Any) -> list[split.Split]:
        """Training and test data by the name of a split."""
        shelf, mask = self.shelf(data), None
        if shelf.loaded.where and name in movielens.canonical_folds(shelf.loaded.where):
            mask = movielens.canonical_fold(shelf.loaded.where, name, shelf.dataset)
        return split.make(shelf.dataset, name, seed=seed, test_mask=mask, **parameters)

    def evaluate(
        self,
        data: str,
        split_name: str,
        models: Sequence[Recommender],
        metrics: Sequence[str] | None = None,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        **parameters: Any,
    ) -> Evaluation:
        """Errors and ranking quality of several models on a split, with intervals; kept in the store.

        `parameters` are the split's own (`fraction`, `folds`, `date`, …).
        """
        dataset = self.shelf(data).dataset
        wanted = list(metrics or evaluate.default_metrics(models, dataset))
        cut = self.split(data, split_name, seed=seed, **parameters)
        depends_on = {
            "kind": "evaluation",
            "revision": evaluate.REVISION,
            "data": [dataset.name, dataset.fingerprint],
            "splits": [[part.name, part.protocol, part.fingerprint, part.train.fingerprint] for part in cut],
            "models": [identity(model) for model in models],
            "metrics": wanted,
            "seed": seed,
        }

        def fit(model: Recommender, train: Dataset, context: Context) -> tuple[Fitted, float]:
            artifact = self._fit(model, train, context)
            return artifact.value, artifact.seconds

        def measure() -> Evaluation:
            return evaluate.evaluate(cut, models, wanted, context=Context(seed, progress or _quiet), fit=fit)

        return self.store.fetch(depends_on, measure).value

    def difference(self, evaluation: Evaluation, metric: str, a: str, b: str) -> Interval:
        """How much larger a metric is for model `a` than for `b` (labels), over the same resampled people."""
        return evaluate.difference(evaluation, metric, a, b)

    # The store

    def cache_info(self) -> StoreInfo:
        """Where artifacts are kept, how many and how large."""
        return self.store.info()

    def cache_clear(self) -> int:
        """Forget every artifact; returns how many there were."""
        return self.store.clear()

    def _content(self, data: str) -> FittedContent:
        fitted = self.fitted(data, Content())
        assert isinstance(fitted, FittedContent)
        return fitted

    def _fit(self, model: Recommender, train: Dataset, context: Context) -> Artifact[Fitted]:
        """A model fitted with everything it is made of, each from the store where it is there."""
        self._jobs.follow(self.store.key(_depends_on("fit", model, train, context.seed)), context)
        inside = self._inside(context)
        waiting = partial(context.step, 0.0, "waiting for the same fit, which is being made elsewhere")
        return self._keep("fit", model, train, context.seed, lambda: model.fit(train, inside), waiting)

    def _inside(self, context: Context) -> Context:
        """The same, where what is needed on the way comes from the store."""

        def keep(kind: str, model: Recommender, train: Dataset, seed: int, make: Callable[[], T]) -> T:
            return self._keep(kind, model, train, seed, make, context.check).value

        return replace(context, keep=keep, idle=self.store.idle)

    def _keep(
        self, kind: str, model: Recommender, train: Dataset, seed: int, make: Callable[[], T],
        waiting: Callable[[], None],
    ) -> Artifact[T]:  # fmt: skip
        if kind == "fit" and not model.traits.kept:
            return self.store.made(make)
        return self.store.fetch(_depends_on(kind, model, train, seed), make, waiting)


def _depends_on(kind: str, model: Recommender, train: Dataset, seed: int) -> dict[str, Any]:
    """What names an artifact."""
    return {"kind": kind, "dataset": train.fingerprint, "model": identity(model), "seed": seed}


def _quiet(fraction: float, message: str) -> None:
    """Progress that nobody watches."""
