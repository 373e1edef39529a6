"""Models made of models on the command line: asked for by label, by parameters and by file, told and printed."""

import json

import pytest

from recengine import registry
from recengine.serve import show

HYBRID = ["--model", "weighted", "--set", "children=item-knn(k=7), bias", "--set", "weights=0.75, 0.25"]
SPEC = {
    "model": "weighted",
    "children": [{"model": "item-knn", "k": 7}, {"model": "bias"}],
    "weights": [0.75, 0.25],
}


@pytest.fixture
def spec_file(tmp_path):
    """`spec_file(value)`: a file that holds it as JSON."""

    def write(value, name="model.json"):
        path = tmp_path / name
        path.write_text(json.dumps(value), "utf-8")
        return path

    return write


def test_a_hybrid_is_asked_for_by_its_children(recengine, ratings):
    answer = recengine("recommend", "--data", ratings, "--user", "p1", *HYBRID, "--json").json
    assert answer["model"] == "weighted"
    assert answer["params"]["weights"] == [0.75, 0.25]
    assert [child["model"] for child in answer["params"]["children"]] == ["item-knn", "bias"]
    assert answer["spec"] == registry.from_spec(SPEC).spec() == {"model": "weighted", **answer["params"]}
    for item in answer["items"]:
        assert {reason["kind"] for reason in item["why"]} == {"model"}
        names = {"Item-based neighbors", "User and item bias"}
        assert {reason["what"] for reason in item["why"]} == names
        assert all(reason["line"] and reason["why"] and reason["score"] for reason in item["why"])
        assert item["reason"].partition(":")[0] in names
    label = "weighted(children=[item-knn(k=7), bias], weights=[0.75, 0.25])"
    assert recengine("recommend", "--data", ratings, "--user", "p1", "--model", label, "--json").json == answer


def test_a_specification_goes_out_and_in_again(recengine, ratings, spec_file):
    asked = ("recommend", "--data", ratings, "--user", "p1")
    answer = recengine(*asked, *HYBRID, "--json").json
    for told in (answer["spec"], answer, SPEC, registry.from_spec(SPEC).spec()):
        assert recengine(*asked, "--model-json", spec_file(told), "--json").json == answer
    item = ("--item", "Plain", "--json")
    predicted = recengine("predict", "--data", ratings, "--user", "p1", "--model-json", spec_file(SPEC), *item).json
    assert predicted == recengine("predict", "--data", ratings, "--user", "p1", *HYBRID, *item).json
    assert predicted["spec"] == answer["spec"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_specification_is_read_as_any_shell_writes_it(recengine, ratings, tmp_path, encoding):
    (tmp_path / "m.json").write_text('{"model": "bias", "item_damping": 7}', encoding)
    asked = ("--model-json", tmp_path / "m.json", "--json")
    assert recengine("recommend", "--data", ratings, "--user", "p1", *asked).json["params"]["item_damping"] == 7


def test_settings_go_before_what_a_file_or_label_says(recengine, ratings, spec_file):
    asked = ("recommend", "--data", ratings, "--user", "p1", "--json", "--set", "weights=1, 3")
    for model in (("--model-json", spec_file(SPEC)), ("--model", registry.from_spec(SPEC).label)):
        params = recengine(*asked, *model).json["params"]
        assert params["weights"] == [1, 3]
        assert params["children"][0]["k"] == 7


def test_evaluate_takes_files_and_names(recengine, ratings, spec_file):
    files = ("--model-json", spec_file(SPEC), "--model-json", spec_file({"model": "item-knn", "k": 3}, "other.json"))
    asked = ("evaluate", "--data", ratings, "--split", "random", "--metrics", "rmse", "--json")
    answer = recengine(
        *asked, *files, "--model", "bias", "--model", "item-knn(k=5)", "--set", "item-knn.damping=2"
    ).json
    weighted = "weighted(children=[item-knn(k=7), bias], weights=[0.75, 0.25])"
    labels = ["bias", "item-knn(k=5, damping=2.0)", weighted, "item-knn(k=3, damping=2.0)"]
    assert [result["label"] for result in answer["results"]] == labels
    assert [registry.from_spec(result["spec"]).label for result in answer["results"]] == labels
    alone = recengine(*asked, *files[:2]).json
    assert [result["label"] for result in alone["results"]] == [weighted]


def test_what_a_model_must_say_of_itself_is_printed(recengine, ratings):
    learned = ("--model", "weighted", "--set", "children=bias, item-knn", "--set", "learned=true", "--data", ratings)
    for asked in (("recommend", "--user", "p1"), ("predict", "--user", "p1", "--item", "Plain")):
        (note,) = recengine(*asked, *learned, "--json").json["notes"]
        assert "too few" in note
        assert recengine(*asked, *learned).out.splitlines()[-1] == f"Note: {note}"
    asked = ("evaluate", "--split", "random", "--metrics", "mae", "--model", "bias", *learned)
    plain, hybrid = recengine(*asked, "--json").json["results"]
    assert plain["notes"] == []
    assert f"Note: {hybrid['label']}: {hybrid['notes'][0]}" in recengine(*asked).out.splitlines()


def test_models_tells_what_a_hybrid_is_made_of(recengine):
    lines = recengine("models").out.splitlines()
    (children,) = [line for line in lines if line.split()[:2] == ["weighted", "children"]]
    kind = registry.model_class("weighted")
    default = ", ".join(child.label for child in kind.model_fields["children"].default)
    assert default in children
    assert " models " in children
    (weights,) = [line for line in lines if line.split()[:2] == ["weighted", "weights"]]
    assert weights.split()[2:6] == ["–", "each", "-10", "to"]
    (weighted,) = [info for info in recengine("models", "--json").json if info["name"] == "weighted"]
    children, weights = weighted["parameters"][:2]
    assert (children["kind"], weights["kind"]) == ("models", "numbers")
    assert [registry.from_spec(spec) for spec in children["default"]] == list(kind.model_fields["children"].default)


def test_long_defaults_are_cut():
    long = registry.Parameter(
        "children", "models", (registry.create("item-knn", {"k": 7}),) * 4, None, None, (), "help"
    )
    assert show._default(long) == "item-knn(k=7), item-knn(k=7), item-knn(…"
    assert len(show._default(long)) == 40
    one = registry.Parameter("first", "model", registry.create("bias"), None, None, (), "help")
    assert (show._default(one), show._range(one)) == ("bias", "a model")
