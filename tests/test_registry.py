"""The registry: names, parameters, and refusals that say what to do."""

import pytest

from recengine import registry
from recengine.errors import ModelError


def test_the_models_promised_are_there():
    promised = ["random", "popularity", "global-mean", "bias", "user-knn", "item-knn"]
    assert [name for name in registry.names() if name in promised] == promised


def test_parameters_describe_a_form():
    fields = {p.name: p for p in registry.parameters(registry.model_class("item-knn"))}
    assert (fields["k"].kind, fields["k"].low, fields["k"].high) == ("int", 1, 500)
    assert fields["shrinkage"].kind == "float"
    assert fields["similarity"].kind == "choice"
    assert "pearson-baseline" in fields["similarity"].choices
    assert fields["similarity"].default in fields["similarity"].choices
    assert registry.parameters(registry.model_class("random")) == []


def test_the_summary_is_the_first_line():
    assert registry.summary(registry.model_class("bias")).startswith("Mean plus")


@pytest.mark.parametrize(
    ("name", "given", "hint"),
    [
        ("item-kn", {}, "item-knn"),
        ("zzzzz", {}, "popularity"),
        ("", {}, "popularity"),
        ("ITEM-KNN ☃", {}, "There is no model"),
        ("item-knn", {"neighbours": 3}, "neighborhood"),
        ("item-knn", {"k": "many"}, "a whole number from 1 to 500"),
        ("item-knn", {"k": "0"}, "from 1 to 500"),
        ("item-knn", {"k": 2.5}, "a whole number"),
        ("item-knn", {"damping": "nan"}, "a number from 0 to 100"),
        ("item-knn", {"damping": "1e999"}, "a number from 0 to 100"),
        ("item-knn", {"similarity": "cosinus"}, "adjusted-cosine"),
        ("item-knn", {"similarity": ""}, "adjusted-cosine"),
        ("random", {"seed": 3}, "no parameters"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(name, given, hint, one_sentence):
    with pytest.raises(ModelError) as refused:
        registry.create(name, given)
    assert hint in str(refused.value)
    assert one_sentence(str(refused.value)), refused.value


def test_a_specification_without_a_model_is_refused(one_sentence):
    with pytest.raises(ModelError, match='"model"') as refused:
        registry.from_spec({"k": 3})
    assert one_sentence(str(refused.value))


def test_a_specification_is_plain_json():
    assert registry.create("item-knn", {"k": "60", "similarity": "msd"}).spec() | {"k": 60} == {
        "model": "item-knn",
        **{p.name: p.default for p in registry.parameters(registry.model_class("item-knn"))},
        "k": 60,
        "similarity": "msd",
    }
