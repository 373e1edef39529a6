"""The reader of any ratings table: what it understands, what it leaves out and says, and that it loses nothing."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from recengine.data.tables import Columns, read_ratings, read_rows
from recengine.errors import DataError

T = 881_250_949


def read(content: str | bytes, **options):
    raw = content.encode() if isinstance(content, str) else content
    return read_ratings(io.BytesIO(raw), name="mine.csv", **options)


def rows(content: str | bytes, **options) -> list[tuple]:
    """The ratings read, by their external ids."""
    data, _ = read(content, **options)
    i = data.interactions
    return list(zip(data.users.ids[i.user].tolist(), data.items.ids[i.item].tolist(), i.value.tolist(), strict=True))


def skipped(content: str | bytes, **options) -> dict[str, list[int]]:
    """The example lines of each reason."""
    _, report = read(content, **options)
    return {one.reason: [example.line for example in one.examples] for one in report.skipped}


@pytest.mark.parametrize(
    ("written", "delimiter"),
    [(d, d) for d in (",", ";", "\t", "|", "::", " ")] + [(", ", ","), ("   ", " "), (" \t", "\t"), (" | ", "|")],
)
@pytest.mark.parametrize("header", ["", "userId,movieId,rating,timestamp\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_common_way_to_write_a_table(written, delimiter, header, end):
    text = f"{header}1,10,3.5,{T}\n2,20,4,{T + 1}\n".replace(",", written).replace("\n", end)
    data, report = read(text)
    assert rows(text) == [(1, 10, 3.5), (2, 20, 4.0)]
    assert data.interactions.time.tolist() == [T, T + 1]
    assert data.scale == (3.5, 4.0)
    assert report.clean
    assert report.header is bool(header)
    assert report.delimiter == delimiter


@pytest.mark.parametrize(
    "header",
    [
        "userId,movieId,rating,timestamp", "user_id:token,item_id:token,rating:float,timestamp:float",
        "User-ID,ISBN,Book-Rating,Date", "person,film,stars,when", "customer_id,product_id,score,created_at",
        "reviewerID,asin,overall,unixReviewTime", "user,title,value,time",
        "Viewer Name,Movie Title,My Rating,Rating Date",
        "a,b,c,d", '"user","item","rating","time"', "\ufeffuser,item,rating,time",
    ],
)  # fmt: skip
def test_column_names_tell_their_meaning(header):
    text = f"{header}\nann,Up,5,{T}\nbob,Heat,2,{T}\n"
    data, report = read(text)
    assert rows(text) == [("ann", "Up", 5.0), ("bob", "Heat", 2.0)]
    assert data.interactions.time.tolist() == [T, T]
    assert report.header


def test_columns_may_come_in_any_order():
    text = f"date,stars,id,movie,user\n{T},4,1,Up,ann\n{T},2,2,Heat,bob\n"
    assert rows(text) == [("ann", "Up", 4.0), ("bob", "Heat", 2.0)]
    assert read(text)[1].rating == "stars"


def test_rows_with_names_as_r_writes_them():
    assert rows('"user","item","rating"\n"1",7,8,3\n"2",9,8,5\n') == [(7, 8, 3.0), (9, 8, 5.0)]


def test_rows_that_end_in_a_delimiter():
    assert rows("user,item,rating\n7,8,3,\n9,8,5,\n") == [(7, 8, 3.0), (9, 8, 5.0)]
    assert rows("7,8,3\n9,8,5,\n1,8,4,,\n") == [(7, 8, 3.0), (9, 8, 5.0), (1, 8, 4.0)]


def test_columns_can_be_named():
    text = "who,seen,liked,other\n1,2,3,4\n5,6,1,2\n"
    assert rows(text, columns=Columns("seen", "who", "other")) == [(2, 1, 4.0), (6, 5, 2.0)]
    assert rows(text, columns=Columns(1, 0, 3)) == [(2, 1, 4.0), (6, 5, 2.0)]
    assert read(text, columns=Columns("who", "seen"))[0].scale is None


@pytest.mark.parametrize(("columns", "says"), [(Columns("x", "who"), "'x'"), (Columns(0, 9), "column 10")])
def test_a_column_that_is_not_there(columns, says, one_sentence):
    with pytest.raises(DataError, match=says) as error:
        read("who,seen\n1,2\n", columns=columns)
    assert one_sentence(str(error.value))


def test_a_header_can_be_forced_or_denied():
    assert rows("1,2,3\n4,5,6\n", header=True) == [(4, 5, 6.0)]
    assert rows("user,item\nann,Up\n", header=False) == [("user", "item", 1.0), ("ann", "Up", 1.0)]


@pytest.mark.parametrize("first", ["u,i,3", "The Client,Star Wars", "ann,1984", "user,item,4", "bob,Up,"])
def test_a_first_row_is_not_taken_for_a_header(first):
    width = first.count(",") + 1
    more = "\n".join(["bob,1984,4", "cid,300,2"] if width == 3 else ["bob,1984", "cid,300"])
    _, report = read(f"{first}\n{more}\n")
    assert (report.header, report.rows) == (False, 3)


def test_without_ratings_every_row_counts_as_one():
    data, report = read("ann,Up\nbob,Heat\n")
    assert (data.scale, data.explicit, data.interactions.value.tolist()) == (None, False, [1.0, 1.0])
    assert "no ratings" in report.sentences()[-1]


@pytest.mark.parametrize(
    ("rating", "scale"),
    [("1", None), ("4", (1, 5)), ("0.5", (0.5, 5)), ("0", (0, 1)), ("7", (0, 10)), ("-3", (-3, 0)), ("99", (0, 99))],
)
def test_ratings_that_are_all_the_same(rating, scale):
    data, report = read(f"user,item,rating\n1,2,{rating}\n2,2,{rating}\n")
    assert data.scale == scale
    assert report.notes[0].startswith(f"Every rating is {rating}, so ")


def test_ids_are_integers_only_when_all_are():
    assert rows("1,-5,3\n20,0,4\n") == [(1, -5, 3.0), (20, 0, 4.0)]
    assert rows("01,5,3\n1,5,4\n") == [("01", 5, 3.0), ("1", 5, 4.0)]
    assert rows("+1,5,3\n1,5,4\n") == [("+1", 5, 3.0), ("1", 5, 4.0)]
    assert rows(f"{10**30},5,3\n1,5,4\n")[0][0] == str(10**30)
    assert rows("1.0,5,3\n1,6.00,4\n2.0,5,4\n") == [(1, 5, 3.0), (1, 6, 4.0), (2, 5, 4.0)]
    assert rows("1.0,5,3\n1,5,4\n0.0,5,4\n") == [(1, 5, 4.0), (0, 5, 4.0)]  # one person, who rated twice
    assert rows("1.5,5,3\n1,5,4\n") == [("1.5", 5, 3.0), ("1", 5, 4.0)]
    # A row that was left out does not decide.
    assert rows("x,5,bad\n1,5,4\n2,5,4\n1,6,2\n")[0] == (1, 5, 4.0)


def test_titles_and_years_come_from_items_that_are_text():
    data, _ = read('ann,"Toy Story, The First (1995)",5\nbob,Heat,2\n')
    assert data.movies["title"].tolist() == ["Heat", "Toy Story, The First (1995)"]
    assert data.movies["year"].isna().tolist() == [True, False]
    assert data.feature_names == ("decade: 1990s",)
    assert read("1,2,3\n1,4,5\n")[0].movies["title"].tolist() == ["2", "4"]


def test_quoted_fields_hold_delimiters_quotes_and_line_ends():
    text = 'user,item,rating\n"a,b","say ""hi""",3\n"c\nd", "e",4\n'
    assert rows(text) == [("a,b", 'say "hi"', 3.0), ("c\nd", "e", 4.0)]


def test_a_stray_quotation_mark_costs_no_other_row():
    text = 'user,item,rating\n1,12" Single,3\n2,"Open,4\n3,Heat,5\n4,"Up",2\n5,"x"y,1\n'
    assert [row[0] for row in rows(text)] == [1, 2, 3, 4, 5]


def test_decimal_commas():
    assert rows("1;2;3,5\n1;3;4,5\n") == [(1, 2, 3.5), (1, 3, 4.5)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(encoding):
    text = "user,item,rating\nann,Amélie,5\nbob,Fünf,4\n"
    assert rows(text.encode(encoding)) == [("ann", "Amélie", 5.0), ("bob", "Fünf", 4.0)]
    assert read(text.encode(encoding))[1].repaired == (2 if encoding == "latin-1" else 0)


def test_bad_bytes_are_counted_and_keep_ids_apart():
    raw = "user,item,rating\nann,Amélie,5\n".encode() + b"b\xe9,Up,4\nb\xe8,Up,3\nb\x00,Up,2\nb\x01,Heat,2\n"
    assert [row[0] for row in rows(raw)] == ["ann", "bé", "bè", "b\ufffd", "b\ufffd"]
    _, report = read(raw)
    assert report.repaired == 4
    assert any(sentence.startswith("4 characters") for sentence in report.sentences())


def test_gzip_and_paths(tmp_path):
    path = tmp_path / "ratings.csv.gz"
    path.write_bytes(gzip.compress(b"1,2,3\n2,2,5\n"))
    data, _ = read_ratings(path, name="ratings")
    assert len(data.interactions) == 2


def test_what_is_wrong_with_a_row_is_counted_and_shown():
    text = (
        "user,item,rating,time\n1,2,3,100\n,2,3,100\n1,,3,100\n1,3,,100\n1,3,NA,100\n1,3,five,100\n1,3,inf,100\n"
        f"1,3,9,100\n1,3,4,soon\n1,3,4\n1,3,4,100,7\n\n  \n{'x' * 501},2,3,100\n2,2,5,100\n1,3,1e300,100\n"
    )
    _, report = read(text, scale=(1, 5))
    assert skipped(text, scale=(1, 5)) == {
        "had no user": [3], "had no item": [4], "had no rating": [5, 6],
        "had a rating that is not a number": [7, 8, 17], "had a rating outside of 1 to 5": [9],
        "had too few fields": [11], "had too many fields": [12],
        "had more than 500 characters as user": [15],
    }  # fmt: skip
    assert (report.rows, report.kept) == (14, 3)
    assert report.rows == report.kept + report.duplicates + sum(one.rows for one in report.skipped)
    assert "2 rows had no rating and were left out; the first is line 5: 1,3,,100" in report.sentences()
    assert max(len(example.text) for one in report.skipped for example in one.examples) == 120


def test_examples_show_lines_as_they_were_written():
    _, report = read("1::2::3\n1::4\n2::2::5\n")
    assert report.skipped[0].examples[0].text == "1::4"


def test_of_duplicates_the_latest_stays_and_the_order_too():
    timed = "user,item,rating,time\n1,2,3,30\n1,5,1,1\n1,2,4,50\n1,2,5,40\n"
    assert rows(timed) == [(1, 5, 1.0), (1, 2, 4.0)]
    assert read(timed)[1].duplicates == 2
    assert rows("1,2,3\n1,5,1\n1,2,4\n") == [(1, 5, 1.0), (1, 2, 4.0)]
    assert rows("user,item,rating,time\n1,2,3,30\n1,2,4,30\n1,5,1,1\n")[0] == (1, 2, 4.0)
    assert any("repeated a pair" in sentence for sentence in read(timed)[1].sentences())


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"  ", b"\xef\xbb\xbf", b"userId,movieId,rating\n", b"user,item", b"a\nb\nc\n", b"user\n1\n2\n",
        b"PK\x03\x04rest", b"PAR1rest", bytes(range(256)), b"\0" * 50, b"\x1f\x8b\x08broken", b"1,2,x\n3,4,y\n",
        gzip.compress(b"1,2,3\n" * 99, mtime=0)[:-9],
        "user,item\n1,2\n".encode("utf-16")[2:], b"user,item,rating\n,,\n",
        b'"\n"', b"%PDF-1.7", b",,,\n,,,\n", b"::\n::\n", b'","', b"\xff\xfe", b"\xff\xfe\x00",
    ],
)  # fmt: skip
def test_a_file_without_ratings_is_one_clear_sentence(content, one_sentence):
    with pytest.raises(DataError) as error:
        read(content)
    assert str(error.value).startswith("mine.csv ")
    assert one_sentence(str(error.value))


def test_a_file_that_cannot_be_opened(tmp_path, one_sentence):
    with pytest.raises(DataError, match="cannot be read") as error:
        read_ratings(Path(tmp_path), name="mine")
    assert one_sentence(str(error.value))


def test_a_delimiter_that_is_none(one_sentence):
    with pytest.raises(DataError, match="'x'") as error:
        read("1,2,3\n", delimiter="x")
    assert one_sentence(str(error.value))


def test_integer_ids_can_be_demanded():
    found, report = read_rows(io.BytesIO(b"1,2,3\nx,2,3\n1,y,3\n2,2,5\n"), name="mine", integer_ids=True)
    assert found.users.ids.tolist() == [1, 2]
    assert [one.reason for one in report.skipped] == [
        "had no whole number as user", "had no whole number as item",
    ]  # fmt: skip


def test_arrays_are_read_only_and_of_the_house_types():
    i = read(f"1,2,3,{T}\n2,2,5,{T}\n")[0].interactions
    assert [a.dtype for a in (i.user, i.item, i.value, i.time)] == [np.int32, np.int32, np.float32, np.int64]
    assert not any(a.flags.writeable for a in (i.user, i.item, i.value, i.time))
