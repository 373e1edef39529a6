"""Tables nobody would think of: never anything but `DataError`, and never a valid row lost."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recengine.data.fields import cut_carefully, cut_fast, records
from recengine.data.tables import read_ratings
from recengine.errors import DataError

PIECES = [b"user,item,rating\n", b"1,2,3\n", b",", b";", b"\t", b"|", b"::", b" ", b'"', b"\n", b"\r\n", b"1", b"-5",
          b"4.5", b"nan", b"1e999", b"\xe9", "é".encode(), b"\0", b"\x01", b"881250949", b"1997-12-04", b"x",
          b"\xef\xbb\xbf", b"\xff\xfe", "٣".encode(), b"9" * 30, b"9999-99-99",
          b"sep=;\n", b"# x\n", b"title,movieId,liked,user\n", b"20200101", b"true", b"1.0", b"u1,m1,NA\n"]  # fmt: skip
files = st.binary(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)
# Control characters make a file binary, and "\r" is another way to end a line.
ids = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from('\n",;|\t: '), max_size=8)
ids = ids.map(str.strip).filter(bool)
ratings = st.integers(-20, 20).map(lambda half: half / 2)
tables = st.lists(st.tuples(ids, ids, ratings, st.integers(0, 10**9)), min_size=2, max_size=12)
calm = settings(deadline=None, derandomize=True)


def read(raw: bytes, **options):
    return read_ratings(io.BytesIO(raw), name="fuzz", **options)


@calm
@given(files)
def test_any_bytes_are_a_dataset_or_a_data_error(raw):
    try:
        data, report = read(raw)
    except DataError:
        return
    assert report.rows == report.kept + report.duplicates + sum(one.rows for one in report.skipped)
    assert report.kept == len(data.interactions) == data.interactions.matrix.nnz
    assert all(report.sentences())


@calm
@given(tables, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_a_csv_writer_wrote_is_read_back(table, delimiter, quoting):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting)
    writer.writerow(["user", "item", "rating", "time"])
    writer.writerows(table)
    data, report = read(file.getvalue().encode())
    latest: dict[tuple[str, str], tuple[int, int, float]] = {}
    for order, (user, item, rating, time) in enumerate(table):
        latest[user, item] = max(latest.get((user, item), (-1, 0, 0.0)), (time, order, rating))
    i = data.interactions
    users, items = data.users.ids[i.user], data.items.ids[i.item]
    found = {(str(u), str(m)): v for u, m, v in zip(users, items, i.value.tolist(), strict=True)}
    same = len({rating for *_, rating, _ in table}) == 1 and data.scale is None
    assert found == {pair: 1.0 if same else rating for pair, (_, _, rating) in latest.items()}
    assert (report.rows, report.skipped) == (len(table), ())


DIRT = ["", "x", "7", "7,8", "7,8,nope", ",8,3", "7,,3", '7,"8,3', '"', '7,"', "7,8,3,9", "7,8,inf", "é", " , , "]


@calm
@given(st.lists(st.sampled_from(DIRT) | st.none(), max_size=30))
def test_dirt_between_valid_rows_costs_none_of_them(dirt):
    lines = [f"{100 + n},{n},{n % 5 + 1}" if line is None else line for n, line in enumerate(dirt)]
    good = [f"{n},{n},{n % 5 + 1}" for n in range(1, 40)]  # more than there is dirt: they say how wide a row is
    lines = [good[0], *lines, *good[1:]]
    data, _ = read("\n".join(lines).encode(), delimiter=",", header=False)
    # Where `7,"8,3` is read as an id, all ids are text.
    kept = set(data.users.ids[data.interactions.user].astype(str).tolist())
    assert kept >= {str(n) for n in range(1, 40)} | {str(100 + n) for n, line in enumerate(dirt) if line is None}


@calm
@given(
    st.lists(
        st.lists(st.sampled_from(["1", "02", " 3", "x y", "", "nan", "é", "4.5", "null"]), max_size=4), max_size=6
    ),
    st.sampled_from([0, 1]),
    st.booleans(),
)
def test_the_fast_path_cuts_as_the_careful_one(lines, skip, ends):
    data = "\n".join(",".join(fields) for fields in lines).encode() + b"\n" * ends
    fast, careful = (cut(data, ",", 3, [2, 0], skip) for cut in (cut_fast, cut_carefully))
    if fast is None:
        ragged = any(len(fields) != 3 for fields in lines[skip:])
        assert ragged or len(lines) <= skip
        return
    assert [column.to_pylist() for column in fast.columns] == [column.to_pylist() for column in careful.columns]
    assert fast.line.tolist() == careful.line.tolist()
    assert (fast.misfits, careful.misfits) == ([], [])


FIELDS = ["1", "2", "07", "x", " 3", "é", "", "4.5", "881250949", "1.0", "true", "-1", "user", "item"]


@calm
@given(
    st.lists(st.tuples(*[st.sampled_from(FIELDS)] * 4), min_size=1),
    st.sampled_from([",", "::", " ; "]),
)
def test_the_fast_path_reads_as_the_careful_one(table, delimiter):
    text = "user,item,rating,time\n" + "\n".join(map(",".join, table))
    raw = text.replace(",", delimiter).encode()
    answers = []
    for content in (raw, raw.replace(b"\n", b"\n\n", 1)):  # a blank line takes the careful path
        try:
            data, report = read(content)
            answers.append(
                (data.fingerprint, replace(report, skipped=()), [(s.reason, s.rows) for s in report.skipped])
            )
        except DataError as error:
            answers.append(str(error).split(" (line")[0])
    assert answers[0] == answers[1]


@pytest.mark.parametrize("dirt", ["", "1,2", '"a",2,3'])
def test_only_clean_tables_take_the_fast_path(dirt):
    assert cut_fast(b"1,2,3\n4,5,6\n", ",", 3, [0], 0) is not None
    assert cut_fast(f"1,2,3\n{dirt}\n4,5,6\n".encode(), ",", 3, [0], 0) is None


def test_rows_over_many_lines_end():
    text = '1,"' + "x\n" * 150 + '",3\n'
    assert len(list(records(text.encode(), ",", 3))) == 151
