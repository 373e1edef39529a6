"""Which column is the user, the item, the rating, the time and the title: names, then content, then order."""

import io

import pytest

from recengine.data.roles import Columns
from recengine.data.tables import read_ratings


def read(text: str, **options):
    return read_ratings(io.BytesIO(text.encode()), name="mine.csv", **options)


def rows(text: str, **options) -> list[tuple]:
    i = (data := read(text, **options)[0]).interactions
    return list(zip(data.users.ids[i.user].tolist(), data.items.ids[i.item].tolist(), i.value.tolist(), strict=True))


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("rating_id,user_id,movie_id,score", ("user_id", "movie_id", "score", None)),
        ("ratingID,userID,movieID,rating", ("userID", "movieID", "rating", None)),
        ("review_id,user_id,movie_id,stars", ("user_id", "movie_id", "stars", None)),
        ("predicted_rating,user,item,rating", ("user", "item", "rating", None)),
        ("predicted_rating,user,item,score", ("user", "item", "score", None)),
        ("rating_count,user,item,rating", ("user", "item", "rating", None)),
        ("user_name,user_id,movie_id,rating", ("user_id", "movie_id", "rating", None)),
        ("username,uid,movie_id,rating", ("uid", "movie_id", "rating", None)),
        ("user_age,user,movie_imdb_id,movie", ("user", "movie", None, None)),
        ("title,movieId,userId,rating", ("userId", "movieId", "rating", None)),
        ("item,item_id,user,rating", ("user", "item_id", "rating", None)),
        ("title,ASIN,user,rating", ("user", "ASIN", "rating", None)),
        ("title,user,movie,rating", ("user", "movie", "rating", None)),
        ("rating_date,user,item,rating", ("user", "item", "rating", "rating_date")),
        ("Date of Rating,User ID,Film,Stars", ("User ID", "Film", "Stars", "Date of Rating")),
    ],
)
def test_the_name_that_tells_a_role_best_wins(header, roles):
    _, report = read(f"{header}\n101,1,10,5\n102,2,11,4\n900,2,10,1\n")
    assert (report.user, report.item, report.rating) == roles[:3]
    if roles[3]:
        assert report.time == roles[3]


def test_an_id_of_the_rating_is_no_rating():
    assert rows("rating_id,user_id,movie_id,score\n101,1,10,5\n102,1,11,4\n") == [(1, 10, 5.0), (1, 11, 4.0)]


def test_ids_keep_namesakes_apart():
    assert rows("user_name,user_id,movie_id,rating\nAnn,1,5,3\nAnn,2,5,4\n") == [(1, 5, 3.0), (2, 5, 4.0)]


@pytest.mark.parametrize("header", ["title,movieId,user,rating", "movie_name,movie,user,score", "item,item_id,u,star"])
def test_movies_known_by_an_id_have_their_titles(header):
    data, report = read(f"{header}\n,7,1,3\nUp (2009),5,1,3\nUp (1984),6,1,4\n,5,2,4\nDown,5,3,4\n")
    assert data.items.ids.tolist() == [5, 6, 7]
    assert data.movies["title"].tolist() == ["Up (2009)", "Up (1984)", "7"]
    assert data.movies["year"].tolist()[:2] == [2009, 1984]
    assert report.title == header.split(",")[0]
    assert f"title from {report.title}" in report.sentences()[-1]
    assert report.notes == ()


def test_titles_of_rows_left_out_do_not_count():
    data, _ = read("title,movieId,user,rating\nWrong,5,1,x\nUp,5,1,3\nGone,9,,3\nHeat,6,1,2\n")
    assert data.movies["title"].tolist() == ["Up", "Heat"]


def test_the_only_numbers_beside_user_and_item_are_the_rating_and_that_is_said():
    text = "user_id,movie_id,points,mood\n1,10,5,glad\n1,11,4,sad\n2,10,1,sad\n"
    assert [row[2] for row in rows(text)] == [5.0, 4.0, 1.0]
    assert read(text)[1].notes == ("No column is called a rating, so points is read as one.", "Not read: mood.")


@pytest.mark.parametrize(
    ("more", "cells"),
    [
        ("points,age", ["5,30", "4,31"]), ("year", ["1999", "2000"]), ("mood", ["glad", "sad"]),
        ("order_id", ["1", "2"]), ("orderId", ["1", "2"]),
    ],
)  # fmt: skip
def test_columns_that_leave_a_doubt_are_named_and_not_read(more, cells):
    data, report = read(f"user_id,movie_id,{more}\n1,10,{cells[0]}\n1,11,{cells[1]}\n")
    assert (data.scale, report.rating) == (None, None)
    assert report.notes == (f"Not read: {more.replace(',', ' and ')}; every row counts as 1.",)


def test_unread_columns_are_named_but_not_endlessly():
    assert read("1,2,3,881250949,x\n1,3,4,881250949,y\n")[1].notes == ("Not read: column 5.",)
    assert read(",user,item,rating\n0,1,2,3\n1,1,3,4\n")[1].notes == ("Not read: column 1.",)
    assert read("a,b,c,d\n1,2,3,4\n5,6,1,2\n", columns=Columns(0, 1, 2))[1].notes == ("Not read: d.",)
    wide = [f"x{n}" for n in range(11)]
    _, report = read("\n".join([f"user,item,rating,{','.join(wide)}", f"1,2,3{',a' * 11}", f"1,3,4{',a' * 11}"]))
    assert report.notes == (f"Not read: {', '.join(wide[:8])} and 3 more.",)
    assert read("user,item,rating,\n7,8,3,\n9,8,5,\n")[1].notes == ()


def test_a_column_of_moments_is_the_time_wherever_it_stands():
    data, report = read("1,2,881250949,4\n1,3,881250950,3\n")
    assert (report.rating, report.time) == ("column 4", "column 3")
    assert data.interactions.time.tolist() == [881250949, 881250950]
    assert read("user,item,rating,seen\n1,2,3,2020-01-01\n1,3,4,2020-01-02\n")[1].time == "seen"


@pytest.mark.parametrize(
    ("no", "yes"), [("0", "1"), ("false", "true"), ("False", "TRUE"), ("no", "yes"), ("0", "true"), ("0.0", "1.0")]
)
@pytest.mark.parametrize("name", ["liked", "like", "Likes", "user_liked", "rating"])
def test_likes_are_ratings_from_0_to_1(name, no, yes):
    text = f"user,item,{name}\n1,2,{no}\n1,3,{yes}\n2,3,{yes}\n"
    assert [row[2] for row in rows(text)] == [0.0, 1.0, 1.0]
    data, report = read(text)
    assert (data.scale, report.rating, report.clean) == ((0.0, 1.0), name, True)


def test_likes_need_no_header_and_are_no_ratings_among_other_numbers():
    assert [row[2] for row in rows("ann,Up,true\nbob,Heat,false\n")] == [1.0, 0.0]
    assert [row[2] for row in rows("user,item,rating\n1,2,true\n1,3,4\n1,4,5\n")] == [4.0, 5.0]
    assert read("user,item,liked\n1,2,false\n2,2,false\n")[0].scale == (0, 1)
