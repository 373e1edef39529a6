"""Datasets by name and path, and a network that is not there. Nothing here opens a real one."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pooch
import pytest
import requests

from recengine.data import sources
from recengine.errors import DataError, NotFound

ROOT = Path(__file__).parents[2]
TINY = {
    "ratings.csv": "userId,movieId,rating,timestamp\n2,10,3.5,1147880044\n1,20,1.0,1147868817\n",
    "movies.csv": 'movieId,title,genres\n10,"Crow, The (1994)",Action\n20,Up (2009),Drama\n',
}


@pytest.fixture(autouse=True)
def away_from_home(monkeypatch, tmp_path):
    """The user's data folder is an empty one, and no request leaves."""
    monkeypatch.setenv("RECENGINE_DATA", "")
    monkeypatch.setattr(sources, "data_folder", lambda: tmp_path / "home")
    monkeypatch.setattr(requests, "get", no_network)


def no_network(*_, **__):
    raise requests.ConnectionError("no network")


def put_zip(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return path


def test_the_demo():
    loaded = sources.load("demo")
    data = loaded.dataset
    assert (loaded.report, loaded.where, data.name) == (None, None, "demo")
    assert (data.n_users, data.n_items, len(data.interactions), data.scale) == (671, 9066, 100_004, (0.5, 5.0))
    assert data.movies["title"][0] == "Toy Story (1995)"
    assert data.movies["directors"][0] == ("John Lasseter",)
    assert {"genre: Drama", "decade: 1990s", "director: Steven Spielberg", "certificate: PG-13"} <= set(
        data.feature_names
    )
    assert data.interactions.matrix.nnz == 100_004
    assert "GroupLens" in data.about
    assert sources.load(" Demo ").dataset.fingerprint == data.fingerprint


@pytest.mark.parametrize("place", ["ml-latest-small.zip", "ml-latest-small/movies.csv"])
def test_a_named_set_is_found_in_every_place(tmp_path, monkeypatch, place):
    second = tmp_path / "second"
    if place.endswith(".zip"):
        put_zip(second / place, TINY)
    else:
        (second / place).parent.mkdir(parents=True)
        for name, text in TINY.items():
            (second / place).with_name(name).write_text(text)
    monkeypatch.setenv("RECENGINE_DATA", os.pathsep.join([str(tmp_path / "first"), str(second)]))
    loaded = sources.load("ml-latest-small")
    assert loaded.where == second / place.split("/")[0]
    assert loaded.dataset.name == "ml-latest-small"
    assert loaded.dataset.movies["title"].tolist() == ["The Crow (1994)", "Up (2009)"]
    assert {info.name for info in sources.known() if info.here} == {"demo", "ml-latest-small"}


def test_the_folder_of_the_set_itself_may_be_named(tmp_path, monkeypatch):
    folder = tmp_path / "somewhere" / "ml-latest-small"
    folder.mkdir(parents=True)
    for name, text in TINY.items():
        (folder / name).write_text(text)
    monkeypatch.setenv("RECENGINE_DATA", str(folder))
    assert sources.load("ml-latest-small").where == folder


def test_the_users_data_folder_is_the_last_place(tmp_path):
    put_zip(tmp_path / "home" / "ml-latest.zip", TINY)
    assert sources.load("ml-latest").where == tmp_path / "home" / "ml-latest.zip"


def test_known_sets_say_what_they_are():
    infos = sources.known()
    assert [info.name for info in infos] == [
        "demo", "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small", "ml-latest",
    ]  # fmt: skip
    assert all(info.title and info.size and "GroupLens" in info.licence for info in infos)
    assert [info.here for info in infos] == [True] + [False] * 8


@pytest.mark.parametrize("name", ["ml-1m", "ml-latest"])
def test_without_a_network_one_sentence_says_where_to_put_the_file(tmp_path, name, one_sentence):
    with pytest.raises(DataError) as error:
        sources.load(name)
    assert one_sentence(str(error.value))
    assert f"https://files.grouplens.org/datasets/movielens/{name}.zip" in str(error.value)
    assert str(tmp_path / "home") in str(error.value)
    assert not any((tmp_path / "home").glob("*"))


def test_a_folder_that_cannot_be_written_is_the_same_sentence(tmp_path, one_sentence):
    (tmp_path / "home").write_text("a file in the way")
    with pytest.raises(DataError, match="could not be fetched") as error:
        sources.load("ml-1m")
    assert one_sentence(str(error.value))


class Response:
    """What `requests.get` returns, as far as pooch looks at it."""

    def __init__(self, content: bytes, fails: bool = False) -> None:
        self.content, self.fails, self.headers = content, fails, {"content-length": str(len(content))}

    def raise_for_status(self) -> None:
        pass

    def iter_content(self, chunk_size):
        yield self.content[: len(self.content) // 2]
        if self.fails:
            raise requests.exceptions.ChunkedEncodingError("cut off")
        yield self.content[len(self.content) // 2 :]


def answer(monkeypatch, response) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(requests, "get", lambda url, **_: asked.append(url) or response)
    return asked


@pytest.mark.parametrize("terminal", [True, False])
def test_a_named_set_is_downloaded_once_with_progress_on_a_terminal(tmp_path, monkeypatch, capsys, terminal):
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if terminal else "0")
    asked = answer(monkeypatch, Response(put_zip(tmp_path / "made.zip", TINY).read_bytes()))
    for _ in range(2):
        loaded = sources.load("ml-latest-small")
        assert loaded.where == tmp_path / "home" / "ml-latest-small.zip"
        assert loaded.dataset.n_items == 2
    assert asked == ["https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"]
    out, err = capsys.readouterr()
    assert out == ""
    assert ("MovieLens latest small" in err) is terminal


@pytest.mark.parametrize(
    ("name", "fails", "says"),
    [
        ("ml-100k", False, "wrong checksum"),
        ("ml-100k", True, "could not be fetched"),
        ("ml-latest", False, "could not be"),
    ],
)
def test_a_bad_download_leaves_nothing_behind(tmp_path, monkeypatch, name, fails, says, one_sentence):
    asked = answer(monkeypatch, Response(b"<html>please log in</html>", fails))
    with pytest.raises(DataError, match=says) as error:
        sources.load(name)
    assert one_sentence(str(error.value))
    assert len(asked) == 1
    assert list((tmp_path / "home").iterdir()) == []


def test_checksums_go_with_the_sets_that_never_change(monkeypatch, tmp_path):
    asked = {}

    def retrieve(url, known_hash, fname, path, **_):
        asked[fname] = known_hash
        return str(put_zip(tmp_path / fname, TINY))

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    for info in sources.known()[1:]:
        sources.load(info.name)
    assert {name for name, known_hash in asked.items() if known_hash is None} == {
        "ml-latest.zip",
        "ml-latest-small.zip",
    }
    assert asked["ml-100k.zip"] == "md5:0e33842e24a9c977be4e0107933c0723"


@pytest.mark.parametrize("name", ["ml-100", "nowhere/ratings.csv", "", "~nobody-here/x", "a\0b", "x" * 5000])
def test_an_unknown_name_offers_what_there_is(name, one_sentence):
    with pytest.raises(NotFound, match="ml-latest-small") as error:
        sources.load(name)
    assert one_sentence(str(error.value))
    assert ("perhaps ml-100k" in str(error.value)) == (name == "ml-100")


def test_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my.ratings.csv").write_text("user,item,rating\nann,Up,5\nbob,Heat,1\nbob,Up,\n")
    loaded = sources.load("~/my.ratings.csv")
    assert (loaded.dataset.name, loaded.where) == ("my.ratings", tmp_path / "my.ratings.csv")
    assert (loaded.report.name, loaded.report.kept, loaded.report.rows) == ("my.ratings.csv", 2, 3)
    assert loaded.dataset.about == "Read from my.ratings.csv."
    put_zip(tmp_path / "mine.zip", TINY)
    assert sources.load(str(tmp_path / "mine.zip")).dataset.name == "mine"


def test_a_zip_or_folder_with_one_table(tmp_path):
    put_zip(tmp_path / "one.zip", {"data/ratings.csv": "1,2,3\n2,2,5\n", "data/readme.txt": "hello"})
    loaded = sources.load(str(tmp_path / "one.zip"))
    assert (loaded.dataset.name, len(loaded.dataset.interactions)) == ("one", 2)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.tsv").write_text("1\t2\t3\n2\t2\t5\n")
    assert sources.load(str(tmp_path / "folder")).dataset.name == "folder"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.csv": "1,2,3", "b.csv": "1,2,3"}, "2 tables"),
        ({"a.png": "x"}, "no table"),
        ({"u.data": "1\t2\t3\t4"}, "no u.item"),
    ],
)
def test_a_zip_that_leaves_a_doubt(tmp_path, files, says, one_sentence):
    put_zip(tmp_path / "x.zip", files)
    with pytest.raises(DataError, match=says) as error:
        sources.load(str(tmp_path / "x.zip"))
    assert one_sentence(str(error.value))


@pytest.mark.parametrize("name", ["x.zip", "x.csv"])
def test_a_file_that_is_not_what_its_name_says(tmp_path, name, one_sentence):
    (tmp_path / name).write_bytes(b"\1\2\3" * 20)
    with pytest.raises(DataError, match=name) as error:
        sources.load(str(tmp_path / name))
    assert one_sentence(str(error.value))


def test_importing_opens_nothing():
    network = {"pooch", "requests", "urllib3", "torch"}
    code = f"import sys, recengine.data.sources; print(sorted({network} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
