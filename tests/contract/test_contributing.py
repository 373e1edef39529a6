"""The worked example of CONTRIBUTING.md runs as it is printed."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


@pytest.fixture
def decade(tmp_path, monkeypatch):
    """The example's model, read from the guide and entered in the registry by the guide's own line."""
    module, line = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    name, path = re.fullmatch(r'\s*"(\w+)": "([\w.]+):Decade",\n', line).groups()
    file = tmp_path / "decade.py"
    file.write_text(module, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path, file)
    found = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path, found)
    spec.loader.exec_module(found)
    monkeypatch.setitem(registry.MODELS, name, f"{path}:Decade")
    return registry.create(name)


def test_the_example_predicts_and_explains(decade, explicit):
    fitted, query = decade.fit(explicit), Query.of_users(explicit, [0, -1])
    by_bias = registry.create("bias").fit(explicit).score(query)
    assert not np.allclose(fitted.score(query), by_bias)
    np.testing.assert_allclose(fitted.score(query), by_bias, atol=0.5)
    why = fitted.explain(query, 7)
    assert why.base + sum(part.weight for part in why.parts) == pytest.approx(fitted.score(query)[0, 7], abs=1e-5)
    assert registry.from_spec(decade.spec()) == decade


def test_the_example_shrinks_to_the_bias(decade, explicit):
    query = Query.of_users(explicit, [3])
    far = registry.create("decade", {"shrinkage": "1000"}).fit(explicit).score(query)
    near = registry.create("decade", {"shrinkage": "0"}).fit(explicit).score(query)
    by_bias = registry.create("bias").fit(explicit).score(query)
    assert np.abs(far - by_bias).max() < np.abs(near - by_bias).max()
