"""Made-up ratings: distinct pairs, the numbers asked for, the laws their tails follow, the tastes."""

import numpy as np
import pytest

from recengine.data.synthetic import SCALE, power_law
from recengine.errors import DataError


def pairs_of(data):
    i = data.interactions
    return i.user.astype(np.int64) * data.n_items + i.item


@pytest.mark.parametrize("sizes", [(1, 5, 1), (5, 1, 1), (2, 5, 2), (40, 30, 240), (500, 300, 20_000)])
def test_there_are_as_many_distinct_ratings_as_asked_for(sizes):
    data = power_law(*sizes)
    assert (data.n_users, data.n_items, len(data.interactions)) == sizes
    assert len(np.unique(pairs_of(data))) == sizes[2]


def test_the_types_are_those_of_any_dataset():
    data = power_law(60, 50, 500)
    i = data.interactions
    assert (i.user.dtype, i.item.dtype, i.value.dtype, i.time.dtype) == (np.int32, np.int32, np.float32, np.int64)
    assert data.scale == SCALE
    assert data.features.shape == (50, 0)
    assert data.movies.loc[7, ["title", "genres"]].tolist() == ["Movie 7", ()]
    assert data.movies["year"].isna().all()
    assert not i.user.flags.writeable


def test_values_are_half_stars_on_the_scale_and_times_lie_within_ten_years():
    i = power_law(300, 200, 10_000).interactions
    assert set(np.unique(i.value)) == set(np.arange(0.5, 5.5, 0.5))
    assert i.time.min() >= 1_000_000_000
    assert i.time.max() < 1_300_000_000


def test_a_seed_gives_the_same_ratings_and_another_one_others():
    one, again, other = (power_law(100, 80, 900, seed=seed).fingerprint for seed in (3, 3, 4))
    assert one == again != other


@pytest.mark.parametrize("sizes", [(10, 10, 0), (10, 10, 21), (0, 10, 1), (10, 0, 1)])
def test_what_cannot_be_made_is_refused_with_how_much_can(sizes):
    with pytest.raises(DataError, match=f"at least 1 and .* {sizes[0] * sizes[1] // 5}[.]"):
        power_law(*sizes)


def test_movies_of_the_front_ranks_hold_the_share_that_the_law_gives_them():
    """∫ (r + 50)^−1.2 over the first tenth of the ranks, in each taste and among all alike; few pairs meet twice."""
    n = 4_000
    popularity = np.sort(power_law(100_000, n, 200_000).interactions.item_count)[::-1]

    def mass(last, size):
        return (50**-0.2 - (last + 50) ** -0.2) / (50**-0.2 - (size + 50) ** -0.2)

    # Six in ten draws are over a taste's 200 movies, each taste's first 20 being among all movies' first 400.
    expected = 0.6 * mass(20, 200) + 0.4 * mass(400, n)
    assert popularity[: n // 10].sum() / popularity.sum() == pytest.approx(expected, abs=0.02)


def test_active_people_hold_the_share_that_the_law_gives_them():
    """∫ (r + 100)^−0.6 over the first tenth of the ranks."""
    activity = np.sort(power_law(2_000, 50_000, 200_000).interactions.user_count)[::-1]
    expected = (300**0.4 - 100**0.4) / (2_100**0.4 - 100**0.4)
    assert activity[:200].sum() / activity.sum() == pytest.approx(expected, abs=0.02)


def test_a_rank_cannot_be_read_off_a_position():
    i = power_law(2_000, 1_000, 50_000).interactions
    for count in (i.user_count, i.item_count):
        assert abs(np.corrcoef(np.arange(len(count)), count)[0, 1]) < 0.15


def test_people_of_a_taste_meet_at_the_same_movies():
    """Two in-taste draws meet on one of a twentieth of the movies: what people share is far above chance."""
    x = power_law(400, 2_000, 20_000).interactions.matrix
    x.data = np.ones_like(x.data)
    shared = (x @ x.T).toarray()
    np.fill_diagonal(shared, 0)
    strongest = np.sort(shared / np.sqrt(np.outer(x.sum(axis=1), x.sum(axis=1)).clip(1)), axis=1)[:, ::-1]
    assert strongest[:, :10].mean() > 2 * strongest[:, 20:].mean()
