"""Laws of explanations: they name the score, and their parts add up to it."""

import numpy as np
import pytest

from recengine.data.dataset import Query


def test_explanations_add_up_to_the_score(model, suitable, several):
    for data in suitable:
        query, fitted = several(data), model.fit(data)
        score, stand_in = fitted.score(query), fitted.fallback(query)
        for row in range(len(query)):
            asked = query.rows(row, row + 1)
            for item in range(0, data.n_items, 3):
                why = fitted.explain(asked, item)
                opinion = np.isfinite(score[row, item])
                assert (why.fallback is None) == opinion
                assert why.score == pytest.approx((score if opinion else stand_in)[row, item], abs=1e-4)
                assert why.exact == model.traits.exact
                if why.exact:
                    assert why.base + sum(part.weight for part in why.parts) == pytest.approx(why.score, abs=1e-4)


def test_the_strongest_part_comes_first_and_points_at_what_is_there(model, explicit, several):
    query, fitted = several(explicit), model.fit(explicit)
    ratings = explicit.interactions.matrix
    for row in range(len(query)):
        asked = query.rows(row, row + 1)
        for item in range(0, explicit.n_items, 4):
            why = fitted.explain(asked, item)
            size = [abs(part.weight) for part in why.parts]
            assert size == sorted(size, reverse=True)
            assert why.base_name
            for part in why.parts:
                if part.kind == "movie":
                    assert part.index in asked.history.indices
                    assert part.rating in (None, asked.history[0, part.index])
                elif part.kind == "person":
                    assert part.index != asked.user[0]
                    assert part.rating in (None, ratings[part.index, item])
                else:
                    assert part.what


def test_only_the_first_query_is_explained(model, explicit):
    fitted = model.fit(explicit)
    assert fitted.explain(Query.of_users(explicit, [4, 9]), 5) == fitted.explain(Query.of_users(explicit, [4]), 5)
