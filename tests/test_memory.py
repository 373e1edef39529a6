"""The memory guard."""

from types import SimpleNamespace

import psutil
import pytest

from recengine import memory
from recengine.errors import ModelError


@pytest.fixture
def free(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10_000_000_000))


@pytest.mark.usefixtures("free")
def test_what_fits_passes():
    memory.require(0, "nothing", "do nothing")
    memory.require(8_000_000_000, "all that may be taken", "choose less")


@pytest.mark.usefixtures("free")
def test_what_does_not_fit_is_refused_with_the_numbers_and_the_way_out(one_sentence):
    with pytest.raises(ModelError) as refused:
        memory.require(30_000_000_000, "EASE on 87,000 movies", "choose ials")
    assert str(refused.value) == ("EASE on 87,000 movies needs 30.0 GB of memory and 10.0 GB are free: choose ials.")
    with pytest.raises(ModelError, match=r"8,000.1 MB|8.0 GB"):
        memory.require(8_000_100_000, "a little too much", "choose less")
