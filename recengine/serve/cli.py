"""The command line: `python -m recengine …`. It reads options, asks the lab once, and prints.

Nothing dear is imported until a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

import recengine
from recengine.errors import DataError, NotFound
from recengine.serve import terminal

if TYPE_CHECKING:
    from recengine.answers import Who
    from recengine.lab import Lab

app = typer.Typer(name="recengine", add_completion=False, help="Recommender systems to see, compare and trust.")
cache = typer.Typer(help="What is kept between runs: fitted models and evaluations.")
app.add_typer(cache, name="cache")

Data = Annotated[str, typer.Option(help="A name that 'datasets' lists, or the path of a zip, folder or CSV file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")]
Model = Annotated[
    str | None,
    typer.Option(help="A model that 'models' lists, or a label such as 'item-knn(k=60)'.", show_default="item-knn"),
]
ModelFile = Annotated[
    str | None,
    typer.Option(
        "--model-json", metavar="FILE", help="In place of --model: a file with a model as JSON, as --json prints it."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of the model, such as k=60 or 'children=bias, ease'; repeatable.",
    ),
]
User = Annotated[str, typer.Option(help="A person's id in the data.")]
Item = Annotated[str, typer.Option(help="A movie's id or title.")]
Length = Annotated[int, typer.Option("-k", min=1, help="Length of the list.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn at random.")]


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Recommender systems to see, compare and trust."""
    if version:
        terminal.write(recengine.__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        terminal.write(context.get_help())


@app.command()
def datasets(as_json: Json = False) -> None:
    """The datasets known by name, and whether each is here."""
    from recengine.serve import plain, show

    infos = _lab().sources()
    terminal.write(plain.text(infos) if as_json else show.text(show.datasets(infos)))


@app.command()
def describe(data: Data = "demo", as_json: Json = False) -> None:
    """Size, distributions and long tail of a dataset, and what to beware of."""
    from recengine.serve import plain, show

    lab = _lab(data)
    loaded, told = lab.shelf(data).loaded, lab.describe(data)
    answer = (loaded.dataset, told, loaded.report)
    terminal.write(plain.text(plain.description(*answer)) if as_json else show.text(show.description(*answer)))


@app.command()
def models(as_json: Json = False) -> None:
    """The models and the parameters that --set takes."""
    from recengine.serve import plain, show

    infos = _lab().models()
    terminal.write(plain.text(infos) if as_json else show.text(show.models(infos)))


@app.command()
def recommend(
    data: Data = "demo",
    user: Annotated[str | None, typer.Option(help="A person's id in the data.")] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(metavar="TITLE=STARS", help="In place of --user: a movie you rate, oldest first; repeatable."),
    ] = None,
    model: Model = None,
    model_json: ModelFile = None,
    settings: Settings = None,
    k: Length = 10,
    genre: Annotated[
        list[str] | None, typer.Option(help="Only movies of this genre; repeat for any of several.")
    ] = None,
    from_year: Annotated[int | None, typer.Option(help="Only movies of this year or later.")] = None,
    to_year: Annotated[int | None, typer.Option(help="Only movies of this year or earlier.")] = None,
    min_ratings: Annotated[int, typer.Option(min=0, help="Only movies that so many people rated.")] = 0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The best movies that a person has not rated, each with its reason."""
    from recengine.answers import Filters
    from recengine.serve import chosen, plain, show

    lab = _lab(data)
    asked = chosen.model(lab, model, model_json, settings or [])
    who = _who(lab, data, user, rate or [])
    filters = Filters(_genres(lab, data, genre or []), from_year, to_year, min_ratings)
    with terminal.progress() as step:
        answer = lab.recommend(data, asked, who, k, filters, seed=seed, progress=step)
    terminal.write(plain.text(plain.recommendations(answer)) if as_json else show.text(show.recommendations(answer)))


@app.command()
def similar(item: Item, data: Data = "demo", k: Length = 10, as_json: Json = False) -> None:
    """The movies liked by the same people as one."""
    from recengine.serve import plain, show

    lab = _lab(data)
    movie = lab.movie(data, item)
    with terminal.progress() as step:
        items = lab.similar(data, movie.item_id, k, progress=step)
    terminal.write(plain.text(plain.similar(movie, items)) if as_json else show.text(show.similar(movie, items)))


@app.command()
def predict(
    user: User,
    item: Item,
    data: Data = "demo",
    model: Model = None,
    model_json: ModelFile = None,
    settings: Settings = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The rating that a person would give to a movie."""
    from recengine.serve import chosen, plain, show

    lab = _lab(data)
    asked = chosen.model(lab, model, model_json, settings or [])
    with terminal.progress() as step:
        answer = lab.predict(data, asked, _id(lab, data, user), item, seed=seed, progress=step)
    terminal.write(plain.text(plain.prediction(answer)) if as_json else show.text(show.prediction(answer)))


@app.command()
def evaluate(
    split: Annotated[
        str, typer.Option(help="random, kfold, leave-last-out, temporal; for MovieLens 100K also u1 to u5, ua, ub.")
    ],
    model: Annotated[
        list[str] | None, typer.Option(help="A model that 'models' lists, or a label; repeat for several.")
    ] = None,
    model_json: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="A file with a model as JSON, as --json prints it; repeat for several."),
    ] = None,
    data: Data = "demo",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="k=60 for every model that has k, or item-knn.k=60 for one model; repeatable.",
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Such as rmse,mae,ndcg@10, with any k.")
    ] = None,
    fraction: Annotated[float | None, typer.Option(help="random, temporal: share of the ratings held back.")] = None,
    folds: Annotated[int | None, typer.Option(help="kfold: number of folds.")] = None,
    n: Annotated[int | None, typer.Option("-n", help="leave-last-out: ratings held back for each person.")] = None,
    date: Annotated[str | None, typer.Option(help="temporal: first day of the test, such as 1998-03-01.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Errors and ranking quality of models on ratings that were held back, with 95 % intervals."""
    from recengine.serve import chosen, plain, show

    lab = _lab(data)
    asked = chosen.models(lab, model or [], model_json or [], settings or [])
    names = [name.strip() for text in metrics or [] for name in text.split(",") if name.strip()]
    given = {"fraction": fraction, "folds": folds, "n": n, "date": date}
    options = {name: value for name, value in given.items() if value is not None}
    with terminal.progress() as step:
        answer = lab.evaluate(data, split, asked, names or None, seed=seed, progress=step, **options)
    terminal.write(plain.text(plain.evaluation(answer)) if as_json else show.text(show.evaluation(answer)))


@cache.command("info")
def cache_info(as_json: Json = False) -> None:
    """Where artifacts are kept, how many and how large."""
    from recengine.serve import plain, show

    info = _lab().cache_info()
    terminal.write(plain.text(info) if as_json else show.text(show.cache(info)))


@cache.command("clear")
def cache_clear(as_json: Json = False) -> None:
    """Forget every artifact; they are made again when needed."""
    from recengine.serve import plain, show

    removed = _lab().cache_clear()
    terminal.write(plain.text({"removed": removed}) if as_json else show.text(show.cleared(removed)))


def main() -> None:
    """The console script."""
    sys.exit(terminal.run(app))


def _lab(data: str | None = None) -> Lab:
    """A lab, with the data loaded: a download draws a progress bar of its own, before any other."""
    from recengine.lab import Lab

    lab = Lab()
    if data is not None:
        lab.shelf(data)
    return lab


def _id(lab: Lab, data: str, text: str) -> Any:
    """A person's id as the data have it: what is typed is always text."""
    shelf = lab.shelf(data)
    return shelf.dataset.users.id(shelf.person(text))


def _who(lab: Lab, data: str, user: str | None, rate: Sequence[str]) -> Who:
    from recengine.answers import StoredPerson, Visitor

    if (user is None) == (not rate):
        raise DataError('Say for whom, with either --user ID or --rate "TITLE=STARS", and not with both.')
    return StoredPerson(_id(lab, data, user)) if user is not None else Visitor(tuple(map(_rating, rate)))


def _rating(text: str) -> tuple[str, float]:
    """A title and its stars; a title may hold "=" itself."""
    title, _, stars = text.rpartition("=")
    try:
        value = float(stars)
    except ValueError:
        value = math.nan
    if not title.strip() or not math.isfinite(value):
        raise DataError(f'{text!r} is no rating: write it as "TITLE=STARS", such as "Toy Story (1995)=5".')
    return title.strip(), value


def _genres(lab: Lab, data: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """Genres as the data spell them, upper and lower case aside."""
    known = {genre.casefold(): genre for genre in lab.catalogue(data).genres} if wanted else {}
    for genre in wanted:
        if genre.strip().casefold() not in known:
            offer = f"choose from {', '.join(sorted(known.values()))}" if known else "these data name no genres"
            raise NotFound(f"There is no genre {genre!r}: {offer}.")
    return tuple(known[genre.strip().casefold()] for genre in wanted)
