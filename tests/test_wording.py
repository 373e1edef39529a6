"""Explanations in words."""

import pytest

from recengine import wording
from recengine.answers import Reason
from recengine.explain import Explanation, Part

PLAIN = Explanation(4.2, 3.5, "mean of all ratings", (), exact=True)
UNKNOWN = Explanation(3.5, 3.5, "bias", (), exact=True, fallback="nobody has rated this movie; the bias stands in")


def movie(title: str, weight: float, rating: float | None = None) -> Reason:
    return Reason("movie", title, weight, rating=rating)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ([movie("Heat (1995)", 0.5, 5.0), movie("Alien (1979)", 0.2, 4.0)], "Because of Heat ★5, Alien ★4"),
        # A dislike that counts in favour is a reason, but not one that explains itself in a line.
        ([movie("Cats (2019)", 0.5, 1.0), movie("Alien (1979)", 0.2, 4.0)], "Because of Alien ★4"),
        ([movie("Cats (2019)", 0.5, 1.0), movie("Alien (1979)", -0.2, 4.0)], "Because of Cats ★1"),
        # Where stars do not count they are not told.
        ([movie("Heat (1995)", 0.5), movie("Alien (1979)", 0.2)], "Because of Heat, Alien"),
        ([Reason("effect", "its genres", 0.31), Reason("effect", "its year", -0.1)], "Its genres +0.31"),
        ([], "Mean of all ratings"),
    ],
)
def test_the_reason_in_one_line(why, said):
    assert wording.one_line(PLAIN, tuple(why), 100, explicit=True).startswith(said)


def test_without_stars_in_the_data_none_are_told():
    why = (movie("Heat (1995)", 0.5, 1.0),)
    assert wording.one_line(PLAIN, why, 100, explicit=False) == "Because of Heat"


def test_a_fallback_is_told_first():
    assert wording.one_line(UNKNOWN, (), 100, explicit=True) == "Nobody has rated this movie; the bias stands in"


def neighbor(rating: float | None) -> Reason:
    return Reason("person", "person 7", 0.2, 7, similarity=0.5, rating=rating)


@pytest.mark.parametrize(
    ("why", "explicit", "said"),
    [
        ([neighbor(4.0), neighbor(5.0)], True, "2 similar people gave it 4.5 on average"),
        ([neighbor(4.0)], True, "1 similar person gave it 4.0"),
        ([neighbor(1.0), neighbor(1.0)], False, "2 similar people chose it"),
        # What a hybrid made of their ratings is not told as if they had given it.
        ([neighbor(None), neighbor(None)], True, "Because of 2 similar people"),
        ([neighbor(None)], True, "Because of 1 similar person"),
    ],
)
def test_people_are_a_reason_by_what_they_gave_where_that_is_known(why, explicit, said):
    assert wording.one_line(PLAIN, tuple(why), 100, explicit=explicit) == said


def told(parts: list[Part], base_name: str = "nothing", fallback: str | None = None) -> Explanation:
    return Explanation(sum(part.weight for part in parts), 0.0, base_name, tuple(parts), exact=True, fallback=fallback)


def model(what: str, weight: float, says: Explanation | None = None) -> Part:
    return Part("model", weight, 0, what, told=says)


ITEMS = told([Part("movie", 0.4, 1, rating=5.0), Part("movie", 0.1, 2, rating=4.0)])
FALLS_BACK = Explanation(3.5, 3.5, "bias", (), exact=True, fallback="no one rated it; the bias stands in")
MEAN = Explanation(3.5, 3.5, "mean of all ratings", (), exact=True)
NESTED = told([model("Item-based", 2.0, ITEMS), model("Mean", 0.5, MEAN)])


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ([model("Item-based", 0.5, ITEMS), model("Mean", 0.4, MEAN)], "Item-based: because of Movie 1 ★5, Movie 2 ★4"),
        # Strongest first, but the one that took most away gives no reason.
        ([model("Mean", -0.9, MEAN), model("Item-based", 0.5, ITEMS)], "Item-based: because of Movie 1 ★5, Movie 2 ★4"),
        ([model("Mean", -0.9, MEAN), model("Bias", -0.5, FALLS_BACK)], "Bias: no one rated it; the bias stands in"),
        # A model says more than an effect, however strong.
        ([Part("effect", 3.0, what="its age"), model("Mean", 0.4, MEAN)], "Mean: mean of all ratings"),
        ([Part("effect", 3.0, what="its age"), model("Mean", -0.4, MEAN)], "Mean: mean of all ratings"),
        ([model("Item-based", 0.5, FALLS_BACK)], "Item-based: no one rated it; the bias stands in"),
        ([model("Taste", 0.5)], "Taste"),
        # Of a hybrid in a hybrid the name and reason of the model inside it, however deep.
        ([model("Weighted", 1.0, NESTED)], "Item-based: because of Movie 1 ★5, Movie 2 ★4"),
        (
            [model("Switching", 1.0, told([model("Weighted", 2.0, NESTED)]))],
            "Item-based: because of Movie 1 ★5, Movie 2 ★4",
        ),
        (
            [model("Weighted", 1.0, told([model("Item-based", 0.5, FALLS_BACK)]))],
            "Item-based: no one rated it; the bias stands in",
        ),
        (
            [model("Weighted", 1.0, told([model("Mean", 0.5, MEAN)], fallback="no child has an opinion"))],
            "Weighted: no child has an opinion",
        ),
    ],
)
def test_a_hybrids_reason_is_that_of_the_model_that_added_most(make_dataset, parts, line):
    data = make_dataset([[5, 4, 3]])
    explanation = told(parts)
    why = wording.reasons(data, explanation)
    assert wording.one_line(explanation, why, data.n_users, explicit=True) == line


def test_a_hybrid_without_opinion_says_so_itself(make_dataset):
    data, explanation = make_dataset([[5, 4, 3]]), told([model("Mean", 1.0, MEAN)], fallback="nobody has an opinion")
    why = wording.reasons(data, explanation)
    assert wording.one_line(explanation, why, data.n_users, explicit=True) == "Nobody has an opinion"


def test_a_models_part_holds_what_the_model_says_in_its_own_unit(make_dataset):
    data = make_dataset([[5, 4, 3]])
    (reason,) = wording.reasons(data, told([model("Weighted", 1.5, NESTED)]))
    assert (reason.kind, reason.what, reason.weight, reason.id) == ("model", "Weighted", 1.5, None)
    assert (reason.score, reason.fallback) == (2.5, None)
    assert [(part.what, part.weight, part.score) for part in reason.why] == [
        ("Item-based", 2.0, 0.5),
        ("Mean", 0.5, 3.5),
    ]
    assert [(part.what, part.id, part.rating) for part in reason.why[0].why] == [
        ("Movie 1", 1, 5.0),
        ("Movie 2", 2, 4.0),
    ]
    assert reason.why[0].line == "because of Movie 1 ★5, Movie 2 ★4"
    (reason,) = wording.reasons(data, told([model("Item-based", 1.5, FALLS_BACK)]))
    assert reason.fallback == reason.line == "no one rated it; the bias stands in"
    assert wording.reasons(data, told([model("Taste", 0.5)])) == (Reason("model", "Taste", 0.5),)


def test_a_movies_share_of_attention_stays_with_it_and_occlusion_gives_the_reason(make_dataset):
    parts = [Part("movie", -0.5, 0, attention=0.7), Part("movie", 0.2, 1, attention=0.3), Part("effect", 0.1, what="x")]
    explanation = told(parts)
    why = wording.reasons(make_dataset([[5, 4, 3]]), explanation)
    assert [reason.attention for reason in why] == [0.7, 0.3, None]
    assert wording.one_line(explanation, why, 1, explicit=True) == "Because of Movie 1"


@pytest.mark.parametrize(
    ("weight", "said"), [(0.3, "Because of Movie 1"), (0.02, "Because of all that was rated toge")]
)
def test_a_movie_that_moved_next_to_nothing_is_no_reason(make_dataset, weight, said):
    explanation = Explanation(4.0, 0.0, "the average movie's score", (Part("movie", weight, 1),), False, method="x")
    why = wording.reasons(make_dataset([[5, 4, 3]]), explanation)
    assert wording.one_line(explanation, why, 1, explicit=True).startswith(said)
