"""Models as text and as JSON: what is printed is read back, and nonsense is told in one sentence."""

import json

import pytest

from recengine import registry
from recengine.errors import ModelError

INNER = {"model": "weighted", "children": ["item-knn(k=60, similarity=cosine)", "bias"], "weights": [0.75, 0.25]}
SPECS = [
    {"model": "item-knn"},
    {"model": "item-knn", "k": 60, "shrinkage": 0.5, "aggregation": "sum"},
    {"model": "weighted"},
    {"model": "weighted", "children": ["popularity", "ease(regularization=70)"], "calibration": "z-score"},
    INNER,
    {"model": "weighted", "children": [INNER, {"model": "weighted", "children": [INNER]}, "bias(item_damping=7)"]},
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_label_and_a_specification_make_the_same_model_again(spec):
    model = registry.from_spec(spec)
    assert registry.parse(model.label) == model
    assert registry.from_spec(json.loads(json.dumps(model.spec()))) == model
    assert registry.parse(model.label).label == model.label


def test_a_label_is_read_whatever_the_spaces():
    told = registry.parse(
        "  weighted ( children = [item-knn( k = 60 ),\n ease ] ,weights=[.5,.5],calibration=quantile) "
    )
    assert told.label == "weighted(children=[item-knn(k=60), ease], weights=[0.5, 0.5], calibration=quantile)"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("[]", []),
        (" a ", ["a"]),
        ("[a, b]", ["a", "b"]),
        ("a(b=[1, 2], c=3), d", ["a(b=[1, 2], c=3)", "d"]),
        ("[a(b=[c(d=1, e=2), f]), g(h=[1])]", ["a(b=[c(d=1, e=2), f])", "g(h=[1])"]),
        ("a,", ["a", ""]),
        ("é, ☃", ["é", "☃"]),
        ("a(b, c", ["a(b, c"]),
    ],
)
def test_commas_outside_brackets_separate(text, parts):
    assert registry.split_list(text) == parts


def deep(n: int) -> str:
    return "weighted(children=[" * n + "bias" + "])" * n


NONSENSE = [
    ("", "There is no model ''"),
    ("  \n ", "There is no model ''"),
    ("(k=3)", "There is no model ''"),
    ("weighted(", "name(parameter=value, …)"),
    ("weighted)", "did you mean 'weighted'"),
    ("weighted(children=[)", "There is no model '['"),
    ("weighted(children=[])", "made of 0 models"),
    ("weighted(children=)", "made of 0 models"),
    ("weighted(children=[bias,])", "There is no model ''"),
    ("weighted(children=[[bias]])", "did you mean 'bias'"),
    ("weighted(children=bias, ease)", "square brackets"),
    ("weighted(children=[bias), ease(])", "is no model"),
    ("weighted(children=[nmf, nmff])", "did you mean 'nmf'"),
    ("weighted(children=[bias, item-knn(k=0)])", "k=0 is not possible for item-knn"),
    ("weighted(children=[bias, item-knn(q=1)])", "no parameter 'q'"),
    ("weighted(children=[weighted(children=[weighted(children=[bais])])])", "did you mean 'bias'"),
    ("weighted(weights=[a, b])", "weights=a"),
    ("weighted(weights=[99, 1])", "from -10 to 10"),
    ("mixed(children=ease)", "mixed is not made of 1 models: give at least 2"),
    (f"mixed(children=[{', '.join(['bias'] * 7)}])", "mixed is not made of 7 models: give at most 6"),
    ("item-knn(k)", "is no model"),
    ("item-knn(k=3,)", "is no model"),
    ("item-knn(=3)", "no parameter ''"),
    ("item-knn(k=3))", "k=3)"),
    ("item-knn(k=3)(k=4)", "k=3)(k=4"),
    ("item-knn(k=three\nfour)", "k=three four"),
    ("bias(model=ease)", "no parameter 'model'"),
    ("☃(✓=✗)", "☃"),
    ("模型(k=[)", "模型"),
    (deep(9), "8 deep"),
    (deep(3000), "8 deep"),
    ("weighted(children=" + "[" * 3000, "is no model"),
    ("weighted(children=" + "[" * 3000 + ")", "There is no model"),
]


@pytest.mark.parametrize(("text", "says"), NONSENSE, ids=lambda text: repr(text[:40]))
def test_text_that_is_no_model_is_told_in_one_sentence(text, says, one_sentence):
    with pytest.raises(ModelError) as refused:
        registry.parse(text)
    assert says in str(refused.value)
    assert one_sentence(str(refused.value)), refused.value


def nested(n: int) -> dict:
    spec = {"model": "bias"}
    for _ in range(n):
        spec = {"model": "weighted", "children": [spec]}
    return spec


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, '"model"'),
        ({"model": None}, "There is no model 'None'"),
        ({"model": ["bias"]}, "There is no model"),
        ({"model": "weighted", "children": None}, "children"),
        ({"model": "weighted", "children": {"model": "bias"}}, "children"),
        ({"model": "weighted", "children": [3, 4]}, "children"),
        ({"model": "weighted", "children": [{}]}, '"model"'),
        ({"model": "weighted", "children": [{"model": "bais"}]}, "did you mean 'bias'"),
        ({"model": "weighted", "children": [{"model": "bias", "k": 3}]}, "bias has no parameter 'k'"),
        ({"model": "weighted", "weights": "x"}, "weights=x"),
        (nested(9), "8 deep"),
        (nested(3000), "8 deep"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_json_that_is_no_model_is_told_in_one_sentence(spec, says, one_sentence):
    with pytest.raises(ModelError) as refused:
        registry.from_spec(spec)
    assert says in str(refused.value)
    assert one_sentence(str(refused.value)), refused.value


def test_models_may_be_nested_as_deep_as_is_said():
    assert registry.parse(deep(registry.DEEPEST)) == registry.from_spec(nested(registry.DEEPEST))
