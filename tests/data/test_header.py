"""What stands above the first row: headers, preambles, comments, Excel's `sep=`, and rows that only look like one."""

import io

import pytest

from recengine.data.tables import read_ratings
from recengine.errors import DataError


def read(text: str, **options):
    return read_ratings(io.BytesIO(text.encode()), name="mine.csv", **options)


def rows(text: str, **options) -> list[tuple]:
    i = (data := read(text, **options)[0]).interactions
    return list(zip(data.users.ids[i.user].tolist(), data.items.ids[i.item].tolist(), i.value.tolist(), strict=True))


@pytest.mark.parametrize("said", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
@pytest.mark.parametrize("header", ["rating;movie;user\n", ""])
def test_the_line_that_tells_excel_the_delimiter(said, header):
    text = f"{said}\n{header}" + ("5;3;1\n4;2;1\n3;1;2\n" if header else "1;3;5\n1;2;4\n2;1;3\n")
    assert rows(text) == [(1, 3, 5.0), (1, 2, 4.0), (2, 1, 3.0)]
    _, report = read(text)
    assert (report.clean, report.delimiter, report.rows) == (True, ";", 3)


def test_excels_line_is_believed_against_what_looks_better():
    assert rows("sep=;\nuser;item\na,1;b,2\nc,3;d,4\n") == [("a,1", "b,2", 1.0), ("c,3", "d,4", 1.0)]
    assert rows("sep=\\t\nuser\titem\na\tb\n") == [("a", "b", 1.0)]
    assert rows("sep=#\nuser,item\na,b\n") == [("a", "b", 1.0)]
    with pytest.raises(DataError, match="is empty"):
        read("sep=;")


@pytest.mark.parametrize(
    "preamble", [["# exported by me"], ["My ratings", "2020", "see, the site"], ["# a, b, c"], ["#a,b,c", "# d"]]
)
@pytest.mark.parametrize("header", ["rating,movie,user", "stars,seen,viewer", "#rating,movie,user"])
def test_a_preamble_does_not_hide_the_header(preamble, header):
    text = "\n".join([*preamble, "", header, "5,3,1", "4,2,1", "3,1,2"])
    names = dict(zip(("rating", "item", "user"), header.split(","), strict=True))
    data, report = read(text)
    assert report.header
    assert report.rating == names["rating"]
    assert report.user == names["user"]
    assert report.rows == 3 + len(preamble)
    assert [(one.reason, one.rows) for one in report.skipped] == [("stood before the table", len(preamble))]
    assert report.skipped[0].examples[0].text == preamble[0]
    assert data.interactions.value.tolist() == [5.0, 4.0, 3.0]


def test_a_preamble_above_rows_without_a_header_is_rows_that_do_not_fit():
    assert rows("My ratings\n1,2,3\n1,3,4\n") == [(1, 2, 3.0), (1, 3, 4.0)]
    assert read("My ratings\n1,2,3\n1,3,4\n")[1].skipped[0].reason == "had too few fields"


@pytest.mark.parametrize("mark", ["#", "%"])
def test_comments_in_a_table_with_blanks_between_its_columns(mark):
    body = "1 2 3\n1 3 4\n"
    assert read(f"{mark} rating item user\n{body}")[1].rating == "rating"
    assert rows(f"{mark} exported\n{mark} rating item user\n{body}") == [(3, 2, 1.0), (4, 3, 1.0)]
    assert rows(f"{mark} bip weighted\n{mark} 100 10\n{body}") == [(1, 2, 3.0), (1, 3, 4.0)]
    _, report = read(f"{mark} bip weighted\n{mark} 100 10\n{body}")
    assert [(one.reason, one.rows) for one in report.skipped] == [("stood before the table", 2)]
    assert rows(f"{mark} 2 3\n{mark} 3 4\n") == [(mark, 2, 3.0), (mark, 3, 4.0)]


def test_ids_may_start_with_a_hash():
    assert rows("#1,Up,4\n#2,Heat,3\n") == [("#1", "Up", 4.0), ("#2", "Heat", 3.0)]
    assert rows("#ann,Up\n#bob,Heat\ncid,Up\n") == [("#ann", "Up", 1.0), ("#bob", "Heat", 1.0), ("cid", "Up", 1.0)]


@pytest.mark.parametrize("first", ["u1,m1,NA", "u1,m1,4/5", "u1,m1,five", "u1,m1,null", "12 Monkeys,x,y", "u1,m1,n/a"])
def test_a_first_row_with_a_bad_rating_is_counted_and_no_header(first):
    text = f"{first}\nu1,m2,4\nu2,m1,3\n"
    assert rows(text) == [("u1", "m2", 4.0), ("u2", "m1", 3.0)]
    _, report = read(text)
    assert (report.header, report.rows) == (False, 3)
    assert report.skipped[0].examples[0].line == 1


def test_numbered_people_and_movies_are_no_header():
    assert rows("user1,item1\nuser2,item2\n") == [("user1", "item1", 1.0), ("user2", "item2", 1.0)]


@pytest.mark.parametrize("columns", ["user,item", "user,item,rating"])
@pytest.mark.parametrize("blank", ["", "\n"])
@pytest.mark.parametrize("written", [str, str.upper, lambda text: text.replace(",", ", ")])
def test_a_header_repeated_below_is_left_out(columns, blank, written):
    row = "ann,Up,5"[: len("ann,Up") if columns == "user,item" else None]
    _, report = read(f"{columns}\n{row}\n{written(columns)}\n{blank}{row.replace('Up', 'Heat')}\n")
    assert (report.rows, report.kept) == (3, 2)
    assert [(one.reason, one.examples[0].line) for one in report.skipped] == [("repeated the header", 3)]


def test_row_names_are_told_from_decimal_commas():
    assert rows("user,item,rating\na,7,8,3\nb,9,8,5\n") == [(7, 8, 3.0), (9, 8, 5.0)]
    _, report = read("user,item,rating\n1,1,3,5\n1,2,4\n2,1,4,0\n2,3,1\n")
    assert report.kept == 2
    assert [(one.reason, one.rows) for one in report.skipped] == [("had too many fields", 2)]
    with pytest.raises(DataError, match="most had too many fields"):
        read("user,item,rating\n1,1,3,5\n1,2,4,5\n2,1,4,0\n")


def test_row_names_that_are_passed_over_are_told():
    assert read("user,item,rating\na,7,8,3\nb,9,8,5\n")[1].notes == ("Not read: column 1.",)


def test_a_header_may_end_in_a_delimiter_and_hold_a_line_end():
    assert rows("user,item,rating,\n1,2,3\n1,4,5\n") == [(1, 2, 3.0), (1, 4, 5.0)]
    text = '"user id","movie\nid",rating\n1,2,3\n1,4,5\n'
    assert rows(text) == [(1, 2, 3.0), (1, 4, 5.0)]
    assert read(text)[1].item == "movie id"


@pytest.mark.parametrize("text", ["sep=;\nuser;item\n", "user,item,rating\n", "# mine\nuser,item,rating\n"])
def test_nothing_below_the_header(text, one_sentence):
    with pytest.raises(DataError) as error:
        read(text)
    assert one_sentence(str(error.value))
