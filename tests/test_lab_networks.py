"""What networks say of themselves, through the front door: the order they read, where they looked, what is left."""

import pytest

from recengine.answers import StoredPerson, Visitor
from recengine.errors import ModelError
from recengine.lab import Lab
from recengine.models.autorec import AutoRec
from recengine.models.baseline import Bias
from recengine.models.learned import OCCLUSION
from recengine.models.sequential import GRU4Rec, SASRec
from recengine.store import Store

SASREC = SASRec(factors=8, heads=2, blocks=1, length=5, epochs=2)
AUTOREC = AutoRec(factors=4, epochs=2)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(Store(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    """20 people who each watched 9 of 12 movies, the higher ids first."""
    path = tmp_path_factory.mktemp("data") / "dated.csv"
    pairs = [(u, i) for u in range(1, 21) for i in range(1, 13) if (u + i) % 4]
    rows = [f"{u},{i},{1 + (u * i) % 5},{1000 * u - i}" for u, i in pairs]
    path.write_text("\n".join(["user,item,rating,timestamp", *rows]), "utf-8")
    return str(path)


def explained(lab, dated, model, who):
    top = lab.recommend(dated, model, who, 1).items[0]
    return lab.explain(dated, model, who, top.item_id)


def test_a_visitors_list_follows_the_order_watched(lab, dated):
    one, other = Visitor(((1, 4.0), (2, 4.0), (3, 4.0))), Visitor(((3, 4.0), (2, 4.0), (1, 4.0)))
    scores = [[item.score for item in lab.recommend(dated, SASREC, who).items] for who in (one, other)]
    assert scores[0] != scores[1]
    scores = [[item.score for item in lab.recommend(dated, Bias(), who).items] for who in (one, other)]
    assert scores[0] == scores[1]


def test_where_a_network_looked_is_told_in_the_order_watched(lab, dated):
    why = explained(lab, dated, SASREC, Visitor(((3, 4.0), (1, 5.0), (2, 4.0))))
    assert [part.id for part in why.looked_at] == [3, 1, 2]
    assert sorted(why.looked_at, key=lambda part: -abs(part.weight)) == list(why.parts)
    assert sum(part.attention for part in why.looked_at) == pytest.approx(1, abs=1e-5)


def test_of_a_longer_past_a_network_looked_at_the_last_movies(lab, dated):
    why = explained(lab, dated, SASREC, StoredPerson(4))
    assert [part.id for part in why.looked_at] == [6, 5, 3, 2, 1]
    assert len(why.parts) == SASREC.length


def test_an_explanation_says_what_its_weights_are_where_they_are_no_terms_of_a_sum(lab, dated):
    who = StoredPerson(4)
    assert explained(lab, dated, SASREC, who).method == OCCLUSION
    assert lab.recommend(dated, SASREC, who, 1).items[0].method == OCCLUSION
    assert explained(lab, dated, Bias(), who).method == ""
    assert explained(lab, dated, SASREC, Visitor(())).method == ""  # the fallback speaks


def test_a_network_that_does_not_attend_looked_nowhere(lab, dated):
    gru = GRU4Rec(factors=4, units=4, length=5, epochs=1)
    why = explained(lab, dated, gru, StoredPerson(4))
    assert why.looked_at == ()
    assert {part.attention for part in why.parts} == {None}


def test_what_an_autoencoder_gives_back_is_told_for_every_rating_the_most_changed_first(lab, dated):
    told = lab.given_back(dated, AUTOREC, StoredPerson(4))
    history = lab.person(dated, 4).history
    assert {one.item_id: one.rating for one in told} == dict(zip(history["item_id"], history["rating"], strict=True))
    changes = [abs(one.given_back - one.rating) for one in told]
    assert changes == sorted(changes, reverse=True)
    assert all(1 <= one.given_back <= 5 for one in told)


def test_a_visitors_ratings_are_given_back_too_and_nothing_of_nobodys(lab, dated):
    (one,) = lab.given_back(dated, AUTOREC, Visitor(((2, 5.0),)))
    assert (one.item_id, one.rating) == (2, 5.0)
    assert lab.given_back(dated, AUTOREC, Visitor(())) == ()


def test_a_model_that_gives_back_nothing_says_so_before_it_is_fitted(lab, dated, monkeypatch):
    monkeypatch.setattr(lab, "fitted", lambda *_, **__: pytest.fail("fitted in vain"))
    with pytest.raises(ModelError, match="use autorec"):
        lab.given_back(dated, Bias(), StoredPerson(4))
