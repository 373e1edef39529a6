"""What happens when something is wrong: one sentence on stderr, status 2, nothing on stdout, no traceback."""

import pytest

from recengine import lab
from recengine.serve import terminal

ONE = ["recommend", "--user", "1"]
EVALUATE = ["evaluate", "--split", "random", "--model", "bias"]

# The command line, and a word that its sentence must hold.
NONSENSE = [
    (["nonsense"], "nonsense"),
    (["--nonsense"], "--nonsense"),
    (["cache"], "command"),
    (["cache", "nonsense"], "nonsense"),
    (["datasets", "extra"], "extra"),
    (["models", "--json=3"], "--json"),
    (["recommend"], "--user"),
    (["recommend", "--user"], "--user"),
    (["recommend", "--user", "1", "--rate", "Heat (1995)=4"], "not with both"),
    (["recommend", "--user", "999999999"], "person 999999999"),
    (["recommend", "--user", "9" * 40], "person"),
    (["recommend", "--user", "somebody"], "somebody"),
    (["recommend", "--user", ""], "person"),
    (["recommend", "--user", "-1"], "person -1"),
    (["recommend", "--usr", "1"], "--usr"),
    ([*ONE, "--model", "item-kn"], "item-knn"),
    ([*ONE, "--model", ""], "model"),
    ([*ONE, "--model", "weighted("], "name(parameter=value"),
    ([*ONE, "--model", "weighted(children=[bias, bais])"], "bias"),
    ([*ONE, "--model", "weighted", "--set", "children=bias, bais"], "bias"),
    ([*ONE, "--model", "weighted", "--set", "children="], "0 models"),
    ([*ONE, "--model", "weighted", "--set", "children=item-knn(k=60"], "item-knn(k=60"),
    ([*ONE, "--model", "weighted", "--set", "children=item-knn(k=0), bias"], "from 1 to 500"),
    ([*ONE, "--model", "weighted", "--set", "weights=much, little"], "numbers"),
    ([*ONE, "--model-json", "nowhere.json"], "no file 'nowhere.json'"),
    ([*ONE, "--model-json", ""], "cannot be read"),
    ([*ONE, "--model-json", "a.json", "--model", "bias"], "not with both"),
    ([*EVALUATE, "--model-json", "nowhere.json"], "no file 'nowhere.json'"),
    (["predict", "--user", "1", "--item", "1", "--model-json", "nowhere.json"], "no file 'nowhere.json'"),
    ([*ONE, "--set", "k"], "NAME=VALUE"),
    ([*ONE, "--set", "=5"], "NAME=VALUE"),
    ([*ONE, "--set", "item-knn.=5"], "NAME=VALUE"),
    ([*ONE, "--set", "k="], "whole number"),
    ([*ONE, "--set", "k=many"], "whole number"),
    ([*ONE, "--set", "k=0"], "from 1 to 500"),
    ([*ONE, "--set", "k=1e9"], "from 1 to 500"),
    ([*ONE, "--set", "shrinkage=nan"], "number"),
    ([*ONE, "--set", "similarity=nearness"], "cosine"),
    ([*ONE, "--set", "depth=3"], "depth"),
    ([*ONE, "--set", "user-knn.k=3"], "user-knn"),
    ([*ONE, "--model", "popularity", "--set", "k=3"], "no parameters"),
    ([*ONE, "-k", "0"], "-k"),
    ([*ONE, "-k", "-4"], "-k"),
    ([*ONE, "-k", "ten"], "-k"),
    ([*ONE, "--seed", "-1"], "--seed"),
    ([*ONE, "--min-ratings", "-1"], "--min-ratings"),
    ([*ONE, "--from-year", "MCMXCV"], "--from-year"),
    ([*ONE, "--genre", "Nonsense"], "Comedy"),
    ([*ONE, "--data", "nowhere.csv"], "nowhere.csv"),
    ([*ONE, "--data", "demoo"], "demoo"),
    ([*ONE, "--data", ""], "data"),
    (["recommend", "--rate", "A movie that nobody made=4"], "A movie that nobody made"),
    (["recommend", "--rate", "Heat (1995)"], "TITLE=STARS"),
    (["recommend", "--rate", "Heat (1995)="], "TITLE=STARS"),
    (["recommend", "--rate", "Heat (1995)=good"], "TITLE=STARS"),
    (["recommend", "--rate", "Heat (1995)=nan"], "TITLE=STARS"),
    (["recommend", "--rate", "=5"], "TITLE=STARS"),
    (["recommend", "--rate", ""], "TITLE=STARS"),
    (["recommend", "--rate", "Heat (1995)=9"], "0.5 to 5"),
    (["similar"], "--item"),
    (["similar", "--item", "A movie that nobody made"], "A movie that nobody made"),
    (["similar", "--item", ""], "movie"),
    (["predict", "--user", "1"], "--item"),
    (["predict", "--item", "1"], "--user"),
    (["predict", "--user", "1", "--item", "1", "--model", "popularity"], "popularity"),
    (["predict", "--user", "0", "--item", "1", "--model", "bias"], "person 0"),
    (["evaluate", "--split", "random"], "--model"),
    (["evaluate", "--model", "bias"], "--split"),
    (["evaluate", "--split", "u1", "--model", "bias"], "MovieLens 100K"),
    (["evaluate", "--split", "u9", "--model", "bias"], "u9"),
    (["evaluate", "--split", "random", "--model", "bias", "--model", "popularity", "--set", "k=3"], "'k'"),
    ([*EVALUATE, "--metrics", "accuracy"], "accuracy"),
    ([*EVALUATE, "--metrics", "ndcg"], "ndcg@10"),
    ([*EVALUATE, "--metrics", "ndcg@0"], "ndcg@0"),
    ([*EVALUATE, "--metrics", "rmse@5"], "rmse"),
    ([*EVALUATE, "--metrics", "ndcg@99999"], "ndcg@99999"),
    (["evaluate", "--split", "random", "--model", "popularity", "--metrics", "rmse"], "popularity"),
    ([*EVALUATE, "--fraction", "2"], "fraction"),
    ([*EVALUATE, "--fraction", "0"], "fraction"),
    ([*EVALUATE, "--fraction", "nan"], "fraction"),
    ([*EVALUATE, "--fraction", "half"], "--fraction"),
    ([*EVALUATE, "--folds", "3"], "folds"),
    (["evaluate", "--split", "kfold", "--folds", "1", "--model", "bias"], "folds"),
    (["evaluate", "--split", "leave-last-out", "-n", "0", "--model", "bias"], "n=0"),
    (["evaluate", "--split", "temporal", "--date", "someday", "--model", "bias"], "someday"),
    (["evaluate", "--split", "temporal", "--date", "1812-01-01", "--model", "bias"], "date"),
]


@pytest.mark.parametrize(("arguments", "word"), NONSENSE, ids=lambda value: value if isinstance(value, str) else None)
def test_nonsense_is_answered_with_one_sentence(recengine, one_sentence, arguments, word):
    ran = recengine(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert one_sentence(ran.err.removesuffix("\n")), ran.err
    assert word in ran.err


SPECS = {
    "empty": (b"", "JSON"),
    "no JSON": (b"weighted(children=[bias])", "JSON"),
    "half": (b'{"model": "bias"', "JSON"),
    "no text": (b"\xff\xfe\x00\xd8", "JSON"),
    "a list": (b'[{"model": "bias"}]', "holds no model"),
    "a number": (b"3", "holds no model"),
    "no model": (b'{"k": 3}', "holds no model"),
    "no spec": (b'{"spec": "bias"}', "holds no model"),
    "no such model": (b'{"model": "bais"}', "'bias'"),
    "no such child": (b'{"model": "weighted", "children": [{"model": "weighted", "children": ["bais"]}]}', "'bias'"),
    "a child without a model": (b'{"model": "weighted", "children": [{"k": 3}]}', '"model"'),
    "no such parameter": (b'{"model": "bias", "k": 3}', "'k'"),
    "out of bounds": (b'{"model": "item-knn", "k": 0}', "from 1 to 500"),
    "not a number": (b'{"model": "bias", "item_damping": NaN}', "item_damping"),
    "a number too long": (b'{"model": "item-knn", "k": ' + b"9" * 5000 + b"}", "JSON"),
    "too deep for JSON": (b"[" * 100_000, "JSON"),
    "too deep": (b'{"model": "weighted", "children": [' * 200 + b'"bias"' + b"]}" * 200, "8 deep"),
}


@pytest.mark.parametrize("name", SPECS)
def test_bad_specifications_are_answered_with_one_sentence(recengine, one_sentence, tmp_path, name):
    content, word = SPECS[name]
    (tmp_path / "model.json").write_bytes(content)
    for command in (ONE, EVALUATE):
        ran = recengine(*command, "--model-json", tmp_path / "model.json")
        assert (ran.status, ran.out) == (2, "")
        assert one_sentence(ran.err.removesuffix("\n")), ran.err
        assert "model.json" in ran.err
        assert word in ran.err


FILES = {
    "empty.csv": b"",
    "header.csv": b"user,item,rating\n",
    "one-column.csv": b"user\n1\n2\n",
    "binary.csv": bytes(range(256)) * 4,
    "no-numbers.csv": b"user,item,rating\na,b,good\nc,d,bad\n",
    "broken.zip": b"PK\x03\x04 and then nothing",
}


@pytest.mark.parametrize("name", FILES)
def test_bad_files_are_answered_with_one_sentence(recengine, one_sentence, tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    ran = recengine("describe", "--data", tmp_path / name, "--json")
    assert (ran.status, ran.out) == (2, "")
    assert one_sentence(ran.err.removesuffix("\n")), ran.err


def test_an_empty_folder_is_answered_with_one_sentence(recengine, one_sentence, tmp_path):
    ran = recengine("describe", "--data", tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert one_sentence(ran.err.removesuffix("\n")), ran.err


@pytest.fixture
def failing(monkeypatch):
    """`failing(error)`: let every command fail with that error."""

    def fail(error: BaseException) -> None:
        def raises(self):
            raise error

        monkeypatch.setattr(lab.Lab, "models", raises)

    return fail


def test_an_error_of_our_own_asks_to_be_reported(recengine, failing, one_sentence):
    failing(KeyError("lost"))
    ran = recengine("models")
    assert (ran.status, ran.out) == (2, "")
    assert one_sentence(ran.err.removesuffix("\n")), ran.err
    assert "report" in ran.err
    assert "KeyError: 'lost'" in ran.err


def test_debugging_shows_where_it_happened(recengine, failing, monkeypatch):
    failing(KeyError("lost"))
    monkeypatch.setenv("RECENGINE_DEBUG", "1")
    with pytest.raises(KeyError):
        recengine("models")


def test_ctrl_c_leaves_one_line(recengine, failing):
    failing(KeyboardInterrupt())
    ran = recengine("models")
    assert (ran.status, ran.out, ran.err) == (terminal.STOPPED, "", "Stopped.\n")


def test_what_the_system_refuses_is_one_sentence(recengine, failing, one_sentence):
    failing(PermissionError(13, "Permission denied", "ratings"))
    ran = recengine("models")
    assert ran.status == 2
    assert one_sentence(ran.err.removesuffix("\n")), ran.err
    assert "Permission denied (ratings)" in ran.err
