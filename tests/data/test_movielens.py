"""Every layout of MovieLens, made small here, and the facts of MovieLens 100K."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from recengine.data.movielens import canonical_fold, canonical_folds, load_movielens
from recengine.errors import DataError, NotFound

GENRES = "unknown|0\nAction|1\nDrama|2\n\n"
# Rows out of any order, a half star, a movie nobody rated (30), one whose article stands last, one without a year.
K100 = {
    "u.data": "2\t10\t4\t881250949\n1\t20\t1\t881250950\n1\t10\t5\t881250951\n",
    "u.item": "10|Crow, The (1994)|01-Jan-1994||u|0|1|1\n20|Été, L' (Summer) (1995)|||u|0|0|1\n30|unknown||||1|0|0\n",
    "u.user": "1|24|M|technician|05711\n2|56|F|other|T8H1N\n3|7|F|student|1\n",
    "u.genre": GENRES,
    "u1.base": "2\t10\t4\t881250949\n1\t10\t5\t881250951\n",
    "u1.test": "1\t20\t1\t881250950\n",
    "ua.base": "2\t10\t4\t881250949\n",
    "ua.test": "1\t20\t1\t881250950\n",
    "ub.test": "1\t20\t1\t881250950\n",
}
M1 = {
    "ratings.dat": "2::10::4::978300760\n1::20::1::978302109\n",
    "movies.dat": "10::Crow, The (1994)::Action|Drama\n20::Café (1995)::Drama\n30::Rare (2000)::Drama\n",
    "users.dat": "1::F::1::10::48067\n2::M::25::16::70072-1234\n",
}
M10 = {
    "ratings.dat": "2::10::3.5::838985046\n1::20::1::838983525\n",
    "movies.dat": "10::Crow, The (1994)::Action|Drama\n20::Café (1995)::(no genres listed)\n",
    "tags.dat": "1::10::Dark::1\n2::10::dark ::2\n1::10::comic  book::3\n1::20::::4\n",
}
LATEST = {
    "ratings.csv": "userId,movieId,rating,timestamp\n2,10,3.5,1147880044\n1,20,1.0,1147868817\n",
    "movies.csv": 'movieId,title,genres\n10,"Crow, The (1994)",Action|Drama\n20,"He said ""Hi""",(no genres listed)\n',
    "tags.csv": "userId,movieId,tag,timestamp\n"
    + "".join(
        f'{n},10,"{tag}",1\n' for tag, times in zip("abcdefg", (1, 2, 3, 4, 5, 5, 1), strict=True) for n in range(times)
    ),
    "links.csv": "movieId,imdbId,tmdbId\n10,1,1\n",
}


def put(folder: Path, files: dict[str, str], encoding: str = "utf-8", inside: str = "", packed: bool = False) -> Path:
    """The files as a folder or a zip, at its top or in the folder `inside`."""
    folder.mkdir()
    (folder / inside).mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / inside / name).write_bytes(text.encode(encoding))
    if not packed:
        return folder
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as file:
        for found in sorted(folder.rglob("*")):
            file.write(found, found.relative_to(folder))
    return path


def ratings(data) -> list[tuple[int, int, float]]:
    i = data.interactions
    return list(zip(data.users.ids[i.user].tolist(), data.items.ids[i.item].tolist(), i.value.tolist(), strict=True))


def features(matrix, names) -> list[set[str]]:
    return [{names[column] for column in matrix[row].indices} for row in range(matrix.shape[0])]


@pytest.mark.parametrize("inside", ["", "ml-100k"])
@pytest.mark.parametrize("packed", [False, True])
def test_100k(tmp_path, inside, packed):
    where = put(tmp_path / "x", K100, "latin-1", inside, packed)
    data, report = load_movielens(where, "ml")
    assert ratings(data) == [(2, 10, 4.0), (1, 20, 1.0), (1, 10, 5.0)]
    assert data.interactions.time.tolist() == [881250949, 881250950, 881250951]
    assert data.scale == (1.0, 5.0)
    assert data.items.ids.tolist() == [10, 20, 30]
    assert data.movies["title"].tolist() == ["The Crow (1994)", "L'Été (Summer) (1995)", "unknown"]
    assert data.movies["year"].tolist()[:2] == [1994, 1995]
    assert data.movies["year"].isna().tolist() == [False, False, True]
    assert data.movies["genres"].tolist() == [("Action", "Drama"), ("Drama",), ()]
    assert features(data.features, data.feature_names)[0] == {"genre: Action", "genre: Drama", "decade: 1990s"}
    assert data.users.ids.tolist() == [1, 2]
    assert data.people.to_dict("list") == {
        "age": [24, 56], "gender": ["M", "F"], "occupation": ["technician", "other"], "zip": ["05711", "T8H1N"],
    }  # fmt: skip
    assert features(data.user_features, data.user_feature_names) == [
        {"age: 18-24", "gender: M", "occupation: technician"}, {"age: 56+", "gender: F", "occupation: other"},
    ]  # fmt: skip
    assert report.clean
    assert canonical_folds(where) == ("u1", "ua")
    assert canonical_fold(where, "u1", data).tolist() == [False, True, False]


def test_1m(tmp_path):
    data, _ = load_movielens(put(tmp_path / "ml-1m", M1, "latin-1"), "ml-1m")
    assert ratings(data) == [(2, 10, 4.0), (1, 20, 1.0)]
    assert data.scale == (1.0, 5.0)
    assert data.movies["title"].tolist() == ["The Crow (1994)", "Café (1995)", "Rare (2000)"]
    assert data.people["occupation"].tolist() == ["K-12 student", "self-employed"]
    assert data.people["zip"].tolist() == ["48067", "70072-1234"]
    assert features(data.user_features, data.user_feature_names) == [
        {"age: under 18", "gender: F", "occupation: K-12 student"},
        {"age: 25-34", "gender: M", "occupation: self-employed"},
    ]
    assert "tags" not in data.movies


def test_10m(tmp_path):
    data, _ = load_movielens(put(tmp_path / "ml-10M100K", M10), "ml-10m")
    assert ratings(data) == [(2, 10, 3.5), (1, 20, 1.0)]
    assert data.scale == (0.5, 5.0)
    assert data.movies["genres"].tolist() == [("Action", "Drama"), ()]
    assert data.movies["tags"].tolist() == [("dark", "comic book"), ()]
    assert data.people is None


def test_latest(tmp_path):
    data, report = load_movielens(put(tmp_path / "ml-latest", LATEST, inside="ml-latest", packed=True), "ml-latest")
    assert ratings(data) == [(2, 10, 3.5), (1, 20, 1.0)]
    assert data.scale == (0.5, 5.0)
    assert data.movies["title"].tolist() == ["The Crow (1994)", 'He said "Hi"']
    assert data.movies["tags"].tolist() == [("e", "f", "d", "c", "b"), ()]
    assert report.clean
    assert canonical_folds(tmp_path / "ml-latest") == ()


def test_a_rated_movie_without_an_entry_is_called_by_its_id(tmp_path):
    files = LATEST | {"ratings.csv": LATEST["ratings.csv"] + "1,77,2.0,1147868818\n"}
    data, _ = load_movielens(put(tmp_path / "x", files), "x")
    assert data.movies.iloc[2]["title"] == "77"
    assert data.movies.iloc[2]["genres"] == ()


def test_damaged_rows_are_left_out_and_told(tmp_path):
    files = M1 | {
        "ratings.dat": M1["ratings.dat"] + "x::10::3::978300760\n2::20::\n",
        "movies.dat": "nonsense\n" + M1["movies.dat"] + "9" * 40 + "::Big::Drama\n",
        "users.dat": "1::F::old::10:: \nnonsense\n",
    }
    data, report = load_movielens(put(tmp_path / "x", files), "x")
    assert (len(data.interactions), report.rows) == (2, 4)
    assert {one.reason for one in report.skipped} == {"had no whole number as user", "had too few fields"}
    assert data.people[["age", "zip"]].isna().to_numpy().all()
    assert features(data.user_features, data.user_feature_names) == [{"gender: F", "occupation: K-12 student"}, set()]


@pytest.mark.parametrize(
    ("files", "ratings_file", "wrong", "scale"),
    [
        (K100, "u.data", "1\t30\t99\t881250949\n2\t30\t0\t881250949\n", (1, 5)),
        (M1, "ratings.dat", "1::30::0.5::978300760\n", (1, 5)),
        (M10, "ratings.dat", "1::10::-1::978300760\n", (0.5, 5)),
        (LATEST, "ratings.csv", "1,10,55,1147880044\n", (0.5, 5)),
    ],
)
def test_ratings_off_the_scale_are_left_out_and_told(tmp_path, files, ratings_file, wrong, scale):
    clean = load_movielens(put(tmp_path / "clean", files), "x")[0]
    where = put(tmp_path / "x", files | {ratings_file: files[ratings_file] + wrong})
    data, report = load_movielens(where, "x")
    assert data.scale == report.scale == scale
    assert data.fingerprint == clean.fingerprint
    assert [(one.reason, one.rows) for one in report.skipped] == [
        (f"had a rating outside of {scale[0]:g} to {scale[1]:g}", wrong.count("\n"))
    ]


def test_ratings_beyond_movielens_are_not_lost(tmp_path):
    lines = "".join(f"2,{n},{n},1\n" for n in range(2, 10))
    files = LATEST | {"ratings.csv": f"userId,movieId,rating,timestamp\n{lines}"}
    data, report = load_movielens(put(tmp_path / "x", files), "x")
    assert (data.scale, len(data.interactions)) == ((2.0, 9.0), 8)
    assert report.notes == ("4 of 8 ratings are outside of the usual 0.5 to 5: all kept.",)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"u.data": K100["u.data"]}, "has u.data but no u.item"),
        ({"u.item": K100["u.item"]}, "has u.item but no u.data"),
        ({"u.data": K100["u.data"], "u.item": K100["u.item"]}, "no u.genre"),
        ({"ratings.dat": M1["ratings.dat"]}, "no movies.dat"),
        ({"movies.csv": LATEST["movies.csv"]}, "no ratings.csv"),
        ({"notes.txt": "hello"}, "holds no MovieLens ratings"),
        ({}, "holds no files"),
        (K100 | {"u.data": ""}, "u.data is empty"),
        (K100 | {"u.item": "x"}, "u.item holds no movies"),
        (K100 | {"u.item": "\1\2\3\4" * 50}, "u.item is not a text file"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(tmp_path, files, says, packed, one_sentence):
    with pytest.raises(DataError, match=says) as error:
        load_movielens(put(tmp_path / "x", files, packed=packed), "x")
    assert one_sentence(str(error.value))


def test_a_zip_that_is_none(tmp_path, one_sentence):
    path = tmp_path / "ml-100k.zip"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"ml-100k\.zip is not a zip file") as error:
        load_movielens(path, "x")
    assert one_sentence(str(error.value))
    with pytest.raises(DataError, match="cannot be opened"):
        load_movielens(tmp_path / "nowhere.zip", "x")


def test_a_zip_with_a_damaged_file(tmp_path, one_sentence):
    path = put(tmp_path / "x", K100, "latin-1", packed=True)
    raw = path.read_bytes()
    at = raw.index(K100["u.data"].encode())
    path.write_bytes(raw[:at] + b"9" + raw[at + 1 :])
    with pytest.raises(DataError, match=r"u\.data in x\.zip is damaged") as error:
        load_movielens(path, "x")
    assert one_sentence(str(error.value))


def test_what_packers_leave_behind_is_ignored(tmp_path):
    where = put(tmp_path / "x", K100, "latin-1", "ml-100k")
    (where / "__MACOSX").mkdir()
    (where / "__MACOSX" / "u.data").write_text("junk")
    (where / "ml-100k" / "._u.item").write_bytes(b"\0\0")
    assert load_movielens(where, "x")[0].n_items == 3


def test_a_fold_that_is_not_the_ratings_is_refused(tmp_path, one_sentence):
    where = put(tmp_path / "x", K100, "latin-1")
    data, _ = load_movielens(where, "x")
    with pytest.raises(DataError, match=r"ua\.base and ua\.test in x") as error:
        canonical_fold(where, "ua", data)
    assert one_sentence(str(error.value))
    for damaged in ("1\t20\t2\t1\n", "1\t99\t1\t1\n", K100["u1.test"] + K100["u1.base"]):
        (where / "u1.test").write_text(damaged)
        with pytest.raises(DataError):
            canonical_fold(where, "u1", data)


def test_a_fold_that_is_not_there(tmp_path, one_sentence):
    where = put(tmp_path / "x", K100, "latin-1")
    with pytest.raises(NotFound, match="'ub': choose one of u1, ua") as error:
        canonical_fold(where, "ub", load_movielens(where, "x")[0])
    assert one_sentence(str(error.value))


def test_a_table_has_no_folds(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("1,2,3\n")
    assert canonical_folds(path) == ()


@pytest.fixture(scope="module")
def real(ml100k_zip):
    return load_movielens(ml100k_zip, "ml-100k")


def test_movielens_100k_is_what_its_readme_says(real):
    data, report = real
    assert (data.n_users, data.n_items, len(data.interactions), data.scale) == (943, 1682, 100_000, (1.0, 5.0))
    assert report.clean
    assert ratings(data)[:2] == [(196, 242, 3.0), (186, 302, 3.0)]
    assert data.interactions.time[0] == 881250949
    assert data.user_features.shape == (943, 7 + 2 + 21)
    assert data.people["zip"].str.fullmatch("[0-9]{5}").sum() == 943 - 18
    assert data.people["zip"].notna().all()
    assert np.isclose(data.interactions.value.mean(), 3.52986)
    assert sum(name.startswith("genre: ") for name in data.feature_names) == 18
    titles = dict(zip(data.items.ids.tolist(), data.movies["title"], strict=True))
    assert titles[50] == "Star Wars (1977)"
    assert titles[543] == "Les Misérables (1995)"
    assert titles[12] == "The Usual Suspects (1995)"


def test_the_canonical_folds_of_movielens_100k(ml100k_zip, real):
    names = canonical_folds(ml100k_zip)
    assert names == ("u1", "u2", "u3", "u4", "u5", "ua", "ub")
    masks = {name: canonical_fold(ml100k_zip, name, real[0]) for name in names}
    assert [int(mask.sum()) for mask in masks.values()] == [20_000] * 5 + [9_430] * 2
    assert np.all(sum(masks[name].astype(int) for name in names[:5]) == 1)
    assert not np.any(masks["ua"] & masks["ub"])
    assert set(np.bincount(real[0].interactions.user[masks["ua"]])) == {10}
