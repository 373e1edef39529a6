"""Times: how they may be written, and that none of them costs a rating."""

import io

import pytest

from recengine.data.tables import read_ratings

T = 881_250_949


def read(text: str, **options):
    return read_ratings(io.BytesIO(text.encode()), name="mine.csv", **options)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (str(T), T), (str(T * 1000), T), (str(T * 10**6), T), (str(T * 10**9), T), (f"{T}.75", T),
        ("1997-12-04", 881_193_600), ("1997/12/04", 881_193_600), ("1997-12-04 15:55:49", T),
        ("1997-12-04T15:55:49Z", T), ("1997-12-04T17:55:49+02:00", T), ("1997-12-04T15:55:49.5", T),
        ("19971204", 881_193_600), ("19971204.0", 881_193_600), ("1997-12-04 15:55:49 UTC", T),
        ("1997-12-04 15:55:49 GMT", T), ("1997-12-04 15:55:49 +0000", T), ("1997-12-04 17:55:49 +02:00", T),
        ("20209999", 20_209_999),
    ],
)  # fmt: skip
def test_times(written, seconds):
    data, _ = read(f"user,item,rating,time\n1,2,3,{written}\n2,2,4,{written}\n")
    assert data.interactions.time.tolist() == [seconds, seconds]


def test_days_written_as_numbers_may_have_gaps_and_mix_with_dates():
    data, report = read(
        "user,item,rating,time\n1,2,3,20200101\n1,3,3,20209999\n1,4,5,2020-01-02\n1,5,5,\n1,6,5,20200103\n"
    )
    assert data.interactions.time.tolist() == [1577836800, 1577836800, 1577923200, 1577836800, 1578009600]
    assert report.notes[0].startswith("2 rows had no time in time that can be read")


def test_a_third_column_of_times_is_no_rating():
    for first, second in ((str(T), str(T + 5)), ("20200101", "20200102")):
        data, report = read(f"1,2,{first}\n2,3,{second}\n")
        assert (data.scale, report.rating, report.time) == (None, None, "column 3")
    assert read(f"1,2,{T}\n2,3,{T + 5}\n")[0].interactions.time.tolist() == [T, T + 5]


def test_times_that_nobody_can_read_are_told_and_cost_no_rating():
    data, report = read("user,item,rating,date\n1,2,3,soon\n2,2,4,\n")
    assert (len(data.interactions), data.interactions.time, report.time) == (2, None, None)
    assert report.notes == ("No time in date could be read, so the ratings have no times.",)


def test_times_that_most_rows_lack_are_dropped():
    data, report = read("user,item,rating,ts\n1,1,5,\n1,2,4,\n2,1,3,900000000\n")
    assert (len(data.interactions), data.interactions.time, data.scale) == (3, None, (3, 5))
    assert report.notes == ("Only 1 of 3 times in ts could be read, so the ratings have no times.",)


def test_a_rating_without_a_time_takes_the_earliest_of_its_user():
    text = "user,item,rating,ts\n1,1,5,900\n1,2,4,\n2,1,3,800\n3,1,4,soon\n1,3,2,850\n9,1,x,1\n4,1,2,910\n"
    data, report = read(text)
    assert data.interactions.time.tolist() == [900, 850, 800, 800, 850, 910]
    assert report.notes == (
        "2 rows had no time in ts that can be read and were given the earliest of the same user, or of the file where "
        "that user has none.",
    )
    assert (report.kept, report.time) == (6, "ts")


def test_a_rating_without_a_time_does_not_replace_one_with_a_time():
    data, _ = read("user,item,rating,ts\n1,1,5,900\n1,1,4,\n1,2,3,800\n2,1,3,900\n")
    assert data.interactions.value.tolist() == [5, 3, 3]
