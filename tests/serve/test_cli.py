"""What the commands answer: the shapes of their JSON, their tables, and their options."""

import dataclasses
import io
import sys

import pytest
import typer
from typer.testing import CliRunner

from recengine import __version__, registry
from recengine.data import split
from recengine.models.baseline import FittedBias
from recengine.serve.cli import app

COMMANDS = [
    ["datasets"], ["describe"], ["models"], ["recommend"], ["similar"], ["predict"], ["evaluate"],
    ["cache", "info"], ["cache", "clear"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_describes_the_command_and_every_option(command):
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    assert "--json" in shown.stdout
    found = typer.main.get_command(app)
    for name in command:
        found = found.commands[name]
    assert found.help
    for parameter in found.params:
        assert parameter.help, f"{parameter.name} says nothing of itself"
        assert parameter.opts[0] in shown.stdout


def test_commands_are_all_tested_for_help():
    commands = typer.main.get_command(app).commands
    assert {command[0] for command in COMMANDS} == set(commands)
    assert {command[1] for command in COMMANDS if command[0] == "cache"} == set(commands["cache"].commands)


def test_without_a_command_the_help_is_shown():
    shown = CliRunner().invoke(app, [])
    assert shown.exit_code == 0
    assert "recommend" in shown.stdout


def test_version(recengine):
    assert recengine("--version").out == f"{__version__}\n"


def test_datasets(recengine):
    names = [source["name"] for source in recengine("datasets", "--json").json]
    assert {"demo", "ml-100k"} <= set(names)
    table = recengine("datasets").out
    assert all(name in table for name in names)


def test_models_json(recengine):
    found = recengine("models", "--json").json
    assert [model["name"] for model in found] == registry.names()
    for model in found:
        assert {"name", "family", "summary", "parameters", "traits"} <= model.keys()
    item = next(model for model in found if model["name"] == "item-knn")
    assert item["parameters"][0] == {
        "name": "k",
        "kind": "int",
        "default": 40,
        "low": 1,
        "high": 500,
        "choices": [],
        "help": "Most similar rated movies averaged for one prediction",
    }
    assert item["traits"]["ratings"] is True


def test_models_table_names_every_model_and_parameter(recengine):
    table = recengine("models").out
    for name in registry.names():
        assert name in table
        for parameter in registry.parameters(registry.model_class(name)):
            assert parameter.name in table


def test_describe_json_counts_the_demo(recengine):
    told = recengine("describe", "--json").json
    assert (told["n_people"], told["n_movies"], told["n_ratings"]) == (671, 9066, 100_004)
    assert sum(row["count"] for row in told["histogram"]) == 100_004


def test_describe_table(recengine, ratings):
    told = recengine("describe", "--data", ratings).out
    assert "12" in told
    assert "9 (9 of them rated)" in told


def test_recommend_json(recengine):
    answer = recengine("recommend", "--user", "1", "--model", "item-knn", "--set", "k=60", "-k", "5", "--json").json
    assert (answer["model"], answer["params"]["k"], answer["user"]) == ("item-knn", 60, 1)
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5]
    for item in answer["items"]:
        assert {"rank", "item_id", "title", "score", "why", "fallback"} <= item.keys()
        assert isinstance(item["item_id"], int)
        assert item["fallback"] is not None or item["why"]


def test_recommend_table_has_a_line_for_each_movie(recengine):
    answer = recengine("recommend", "--user", "1", "--json").json
    lines = recengine("recommend", "--user", "1").out.splitlines()
    for item in answer["items"]:
        (line,) = [line for line in lines if item["title"] in line]
        assert item["reason"] in line


def test_settings_may_stand_before_and_after_the_model(recengine):
    before = recengine("recommend", "--set", "k=7", "--user", "1", "--model", "user-knn", "--json")
    after = recengine("recommend", "--user", "1", "--model", "user-knn", "--set", "user-knn.k=7", "--json")
    assert before == after
    assert before.json["params"]["k"] == 7


def test_a_visitor_rates_titles_in_place_of_a_user(recengine):
    rated = ("--rate", "Toy Story (1995)=5", "--rate", "heat 1995=4.5")
    answer = recengine("recommend", *rated, "--model", "item-knn", "-k", "3", "--json").json
    assert answer["user"] is None
    assert len(answer["items"]) == 3
    assert "Toy Story (1995)" not in {item["title"] for item in answer["items"]}


def test_a_title_may_hold_an_equals_sign_and_other_signs(recengine, ratings):
    rated = ("--rate", "x=y=5", "--rate", "千と千尋=4", "--rate", "[REC]=2")
    ran = recengine("recommend", "--data", ratings, *rated, "--model", "popularity", "--json")
    titles = {item["title"] for item in ran.json["items"]}
    assert titles == {"Amélie", ":smile:", "Plain", "Also plain", 'Quote "d"', "Last"}
    assert "Amélie" in ran.out, "letters are not escaped"


def test_tables_show_titles_letter_by_letter(recengine, ratings):
    table = recengine("recommend", "--data", ratings, "--rate", "Plain=5", "--model", "popularity").out
    for title in ("[REC]", ":smile:", "千と千尋", "Amélie"):
        assert title in table


def test_filters(recengine):
    answer = recengine(
        "recommend", "--user", "2", "--genre", "comedy", "--from-year", "1980", "--to-year", "1989",
        "--min-ratings", "20", "--json",
    ).json  # fmt: skip
    assert answer["items"]
    for item in answer["items"]:
        assert "Comedy" in item["genres"]
        assert 1980 <= item["year"] <= 1989
        assert item["ratings"] >= 20


def test_filters_that_leave_nothing_are_an_answer(recengine):
    nothing = ("recommend", "--user", "2", "--from-year", "2500")
    assert recengine(*nothing, "--json").json["items"] == []
    assert recengine(*nothing).out.startswith("No movie is left")


def test_similar(recengine):
    answer = recengine("similar", "--item", "Toy Story (1995)", "-k", "4", "--json").json
    assert answer["title"] == "Toy Story (1995)"
    assert len(answer["items"]) == 4
    assert all(item["item_id"] != answer["item_id"] for item in answer["items"])
    assert answer == recengine("similar", "--item", answer["item_id"], "-k", "4", "--json").json
    assert answer["items"][0]["title"] in recengine("similar", "--item", "toy story").out


def test_predict(recengine):
    asked = ("predict", "--user", "1", "--item", "Toy Story (1995)", "--model", "bias")
    answer = recengine(*asked, "--json").json
    assert (answer["model"], answer["user"], answer["title"]) == ("bias", 1, "Toy Story (1995)")
    assert 0.5 <= answer["stars"] <= 5
    assert f"{answer['stars']:.2f} stars" in recengine(*asked).out


@pytest.fixture
def unsure(monkeypatch):
    """Let the model bias know how sure it is of all but the movie at position 0."""
    plain = FittedBias.explain

    def explain(fitted, query, item):
        return dataclasses.replace(plain(fitted, query, item), deviation=0.875 if item else None)

    monkeypatch.setattr(FittedBias, "explain", explain)


def test_what_a_model_knows_of_its_certainty_is_printed(recengine, ratings, unsure):
    asked = ("predict", "--data", ratings, "--user", "p1", "--item", "Plain", "--model", "bias")
    answer = recengine(*asked, "--json").json
    assert answer["deviation"] == 0.875
    told = f"bias predicts {answer['stars']:.1f} stars (give or take 0.9) from person p1 for Plain.\n"
    assert recengine(*asked).out == told
    asked = ("recommend", "--data", ratings, "--rate", "Plain=5", "--model", "bias")
    known = {item["title"]: item["deviation"] for item in recengine(*asked, "--json").json["items"]}
    assert sorted(known.values(), key=str) == [*[0.875] * (len(known) - 1), None]
    heading, _, *lines = recengine(*asked).out.strip().splitlines()
    assert heading.split()[:4] == ["#", "stars", "±", "movie"]
    for line, deviation in zip(lines, known.values(), strict=True):
        assert line.split()[2] == ("–" if deviation is None else "0.88")


def test_what_no_model_knows_takes_no_column(recengine, ratings):
    asked = ("recommend", "--data", ratings, "--user", "p1", "--model", "bias")
    assert "±" not in recengine(*asked).out
    assert {item["deviation"] for item in recengine(*asked, "--json").json["items"]} == {None}


def test_evaluate_json(recengine, ratings):
    answer = recengine(
        "evaluate", "--data", ratings, "--split", "random", "--fraction", "0.25", "--model", "bias", "--model",
        "popularity", "--metrics", "rmse,mae", "--metrics", "ndcg@3", "--seed", "4", "--json",
    ).json  # fmt: skip
    assert {"dataset", "fingerprint", "split", "seed", "results", "protocol", "warning", "versions"} <= answer.keys()
    assert (answer["split"], answer["seed"]) == ("random", 4)
    assert "25 %" in answer["protocol"]
    bias, popularity = answer["results"]
    assert bias.keys() >= {"model", "params", "metrics", "fit_seconds", "predict_seconds"}
    assert bias["params"] == {"user_damping": 5.0, "item_damping": 3.0}
    assert list(bias["metrics"]) == ["rmse", "mae", "ndcg@3"]
    assert list(popularity["metrics"]) == ["ndcg@3"]
    for interval in bias["metrics"].values():
        assert interval["low"] <= interval["value"] <= interval["high"]


def test_evaluate_table_states_values_protocol_and_warning(recengine, ratings):
    asked = ("evaluate", "--data", ratings, "--split", "kfold", "--folds", "3", "--model", "bias", "--metrics", "rmse")
    table, answer = recengine(*asked).out, recengine(*asked, "--json").json
    assert f"{answer['results'][0]['metrics']['rmse']['value']:.4f}" in table
    assert "RMSE ↓" in table
    assert answer["protocol"] in table
    assert answer["warning"] in table


def test_a_setting_of_several_models_is_for_those_that_have_it_or_for_the_one_it_names(recengine, ratings):
    answer = recengine(
        "evaluate", "--data", ratings, "--split", "random", "--model", "bias", "--model", "item-knn", "--model",
        "user-knn", "--set", "k=9", "--set", "item-knn.k=6", "--set", "bias.user_damping=2", "--json",
    ).json  # fmt: skip
    bias, item, user = (result["params"] for result in answer["results"])
    assert (bias["user_damping"], item["k"], user["k"]) == (2.0, 6, 9)
    assert answer["results"][1]["label"] == "item-knn(k=6)"


def test_evaluate_a_published_fold(recengine, ml100k_zip):
    answer = recengine("evaluate", "--data", ml100k_zip, "--split", "u1", "--model", "bias", "--json").json
    (bias,) = answer["results"]
    assert answer["split"] == "u1"
    assert bias["n_ratings"] == 20_000
    assert 0.95 < bias["metrics"]["rmse"]["value"] < 0.965


def test_every_parameter_of_a_split_is_an_option():
    options = {option for parameter in _command("evaluate").params for option in parameter.opts}
    for parameters in split.PARAMETERS.values():
        for parameter in parameters:
            assert {f"--{parameter.name}", f"-{parameter.name}"} & options


def test_cache_info_and_clear(recengine, ratings, monkeypatch, tmp_path):
    monkeypatch.setenv("RECENGINE_CACHE", str(tmp_path / "own"))
    recengine("predict", "--data", ratings, "--user", "p1", "--item", "Plain", "--model", "bias")
    info = recengine("cache", "info", "--json").json
    assert (info["root"], info["artifacts"]) == (str(tmp_path / "own" / "artifacts"), 1)
    assert "1 artifact," in recengine("cache", "info").out
    assert recengine("cache", "clear", "--json").json == {"removed": 1}
    assert recengine("cache", "clear").out == "Removed 0 artifacts.\n"


def test_the_table_of_stars_and_of_scores_name_their_numbers(recengine):
    assert "stars" in recengine("recommend", "--user", "1", "--model", "bias").out
    assert "score" in recengine("recommend", "--user", "1", "--model", "popularity").out


def test_progress_never_reaches_a_pipe(recengine):
    assert recengine("recommend", "--user", "3").err == ""


class Watched(io.StringIO):
    """A terminal, as far as anyone can tell."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("asked", "last"),
    [
        (["recommend", "--user", "p1"], "done"),
        (["predict", "--user", "p1", "--item", "Plain"], "done"),
        (["similar", "--item", "Plain"], "done"),
        (["evaluate", "--split", "random", "--model", "item-knn"], "Resampling people"),
    ],
    ids=["recommend", "predict", "similar", "evaluate"],
)
def test_work_is_watched_on_a_terminal_and_the_answer_stays_clean(
    recengine, ratings, monkeypatch, tmp_path, asked, last
):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("RECENGINE_CACHE", str(tmp_path / "own"))
    ran = recengine(*asked, "--data", ratings, "--json")
    monkeypatch.setenv("RECENGINE_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr("sys.stderr", Watched())
    watched = recengine(*asked, "--data", ratings, "--json")
    assert last in sys.stderr.getvalue()
    assert (ran.status, ran.err) == (0, "")
    assert watched.json.keys() == ran.json.keys()


def _command(name: str):
    return typer.main.get_command(app).commands[name]
