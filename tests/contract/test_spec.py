"""Laws of a model before it is fitted: its name, its parameters, its JSON."""

import json
import re

import pytest

from recengine import registry
from recengine.errors import ModelError
from recengine.model import Recommender

PLANNED_FAMILIES = {"baselines", "neighbors", "content", "linear", "factors", "neural", "hybrids"}


def bounded(kind: type[Recommender]) -> list[registry.Parameter]:
    return [p for p in registry.parameters(kind) if p.kind in ("int", "float")]


def other_values(parameter: registry.Parameter) -> list:
    """Values that the parameter may take besides its default."""
    bias = registry.create("bias", {"item_damping": 7})
    values: dict[str, list] = {
        "int": [parameter.low, parameter.high],
        "float": [parameter.low, parameter.high],
        "bool": [True, False],
        "choice": list(parameter.choices),
        "model": [bias],
        "models": [(*parameter.default[:-1], bias)] if isinstance(parameter.default, tuple) else [],
        "numbers": [(0.25, 0.75)],
    }
    return [value for value in values[parameter.kind] if value != parameter.default]


def test_the_class_says_who_it_is(model_name):
    kind = registry.model_class(model_name)
    assert kind.name == model_name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.name)
    assert kind.title
    assert kind.family in PLANNED_FAMILIES
    assert kind.revision >= 1


def test_the_docstring_says_what_it_does(model_name):
    kind = registry.model_class(model_name)
    assert registry.summary(kind).endswith(".")
    assert "Cost:" in (kind.__doc__ or "")
    assert kind.fit.__doc__


def test_default_constructs_and_round_trips_through_json(model_name):
    model = registry.create(model_name)
    again = registry.from_spec(json.loads(json.dumps(model.spec())))
    assert again == model
    assert type(again) is type(model)


def test_a_variant_round_trips_through_json(model):
    assert registry.from_spec(json.loads(json.dumps(model.spec()))) == model


def test_models_are_equal_exactly_when_their_json_is(model_name):
    default = registry.create(model_name)
    everything = {json.dumps(default.spec(), sort_keys=True)}
    count = 1
    for parameter in registry.parameters(type(default)):
        for value in other_values(parameter):
            changed = registry.create(model_name, {parameter.name: value})
            assert changed != default
            assert registry.from_spec(changed.spec()) == changed
            everything.add(json.dumps(changed.spec(), sort_keys=True))
            count += 1
    assert len(everything) == count
    assert json.dumps(registry.create(model_name).spec(), sort_keys=True) in everything


def test_every_parameter_has_a_help_text_a_default_and_bounds(model_name):
    kind = registry.model_class(model_name)
    for parameter in registry.parameters(kind):
        assert parameter.help, parameter.name
        assert parameter.kind != "choice" or parameter.default in parameter.choices
    for parameter in bounded(kind):
        assert parameter.low is not None, parameter.name
        assert parameter.high is not None, parameter.name
        assert parameter.low <= parameter.default <= parameter.high


def test_text_is_read_as_the_parameters_type(model_name):
    default = registry.create(model_name)
    texts = {p.name: text(p.default) for p in registry.parameters(type(default))}
    assert registry.create(model_name, texts) == default


def text(value) -> str:
    """A parameter as it is typed: models by their labels, several of anything with commas between them."""
    if isinstance(value, tuple):
        return ", ".join(map(text, value))
    return value.label if isinstance(value, Recommender) else str(value)


def test_a_label_is_read_back(model):
    assert registry.parse(model.label) == model


def test_bounds_belong_to_the_range_and_nothing_beyond_does(model_name, one_sentence):
    for parameter in bounded(registry.model_class(model_name)):
        for value in (parameter.low, parameter.high):
            assert getattr(registry.create(model_name, {parameter.name: value}), parameter.name) == value
        for value in (parameter.low - 1, parameter.high + 1, "plenty", float("nan"), None):
            with pytest.raises(ModelError, match=parameter.name) as refused:
                registry.create(model_name, {parameter.name: value})
            assert one_sentence(str(refused.value)), refused.value


def test_an_unknown_parameter_is_refused_in_one_sentence(model_name, one_sentence):
    with pytest.raises(ModelError, match="colour") as refused:
        registry.create(model_name, {"colour": "red"})
    assert one_sentence(str(refused.value))


def test_a_model_cannot_be_changed(model_name):
    model = registry.create(model_name)
    with pytest.raises(Exception, match=r"frozen|no attribute|no field"):
        model.k = 3
