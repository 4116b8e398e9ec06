import csv
import gzip
import io
import math
import os
import random
import re
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.datasets import table as module
from mlpcli.datasets.table import NumberColumn, TextColumn, read_table
from mlpcli.errors import DamagedFileError, UsageError
from tests.conftest import ROOT

MUTANTS = int(os.environ.get("MLP_MUTANTS", "3000"))
nan = math.nan


@pytest.fixture
def read(tmp_path):
    def read(content, *args, **options):
        file = tmp_path / "t.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(file, *args, **options)

    return read


def values(column):
    """A column as Python values, None where missing."""
    if isinstance(column, NumberColumn):
        return [None if math.isnan(value) else value for value in column.values.tolist()]
    return [None if code < 0 else column.categories[code] for code in column.codes.tolist()]


def content(table):
    return {name: values(column) for name, column in zip(table.names, table.columns, strict=True)}


def test_numbers_and_texts(read):
    table = read("age,city\n31,Oslo\n45.5,Rome\n-1e3,Oslo\n")
    assert content(table) == {"age": [31, 45.5, -1000], "city": ["Oslo", "Rome", "Oslo"]}
    age, city = table.columns
    assert age.values.dtype == np.float64
    assert city.codes.dtype == np.int32
    assert city.categories == ("Oslo", "Rome")
    assert table.lines.tolist() == [2, 3, 4]
    assert (table.delimiter, table.decimal, table.had_header, table.encoding) == (",", ".", True, "UTF-8")
    assert table.notes == ()
    assert len(table) == 3


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_and_line_ends(read, pack, end, encoding):
    text = end.join(["søk,b", "1,é", "", "2,€", ""])
    table = read(pack(text.encode(encoding)))
    assert content(table) == {"søk": [1, 2], "b": ["é", "€"]}
    assert table.lines.tolist() == [2, 4]
    assert table.encoding == {"utf-16": "UTF-16", "cp1252": "Windows-1252"}.get(encoding, "UTF-8")
    assert any("Windows-1252" in note for note in table.notes) is (encoding == "cp1252")


@pytest.mark.parametrize("token", ["", " ", "NA", "n/a", "NaN", "-nan", "NULL", "None", "none", "?", " na "])
def test_missing(read, token):
    table = read(f"a,b,c\n1,x,1\n{token},{token},2\n3,y,3\n")
    assert content(table) == {"a": [1, None, 3], "b": ["x", None, "y"], "c": [1, 2, 3]}


def test_a_column_without_values_is_numbers(read):
    assert content(read("a,b\n,1\nNA,2\n"))["a"] == [None, None]


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1e", "--1", "1 000", "5%", "true", '"1,000"', "1.2.3", "$5", "−5"])
def test_what_is_no_number(read, cell):
    assert content(read(f"a,b\n1,1\n{cell},2\n"))["a"] == ["1", cell.strip('"')]


@pytest.mark.parametrize(
    ("cell", "value"), [("+5", 5), (" 7 ", 7), (".5", 0.5), ("5.", 5), ("1E5", 1e5), ("1e-999", 0)]
)
def test_what_is_a_number(read, cell, value):
    assert content(read(f"a,b\n1,1\n{cell},2\n"))["a"] == [1, value]


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
def test_infinity_is_refused(read, cell):
    with pytest.raises(DamagedFileError, match=r"line 4, column 'b': an infinite number \(-?inf, or beyond .*\); give"):
        read(f"a,b\n1,1\n\n3,{cell}\n")
    assert content(read(f"a,b\n1,x\n3,{cell}\n"))["b"] == ["x", cell]  # a text like any other


def test_decimal_comma(read):
    table = read("a;b;c\n1,5;x;1\n-2,25;y;2\n;z;3,5\n")
    assert content(table) == {"a": [1.5, -2.25, None], "b": ["x", "y", "z"], "c": [1, 2, 3.5]}
    assert table.notes == ("decimal comma, as in 1,5",)
    with pytest.raises(DamagedFileError, match="line 2: 2 cells, expected 1"):
        read("a\n1;2,5\n", delimiter=";")  # the only comma stands beyond the columns
    long = read("1,5;1\n" * 20_000 + "1.234;1\n")  # may be thousands: not 1.234
    assert isinstance(long.columns[0], TextColumn)


def test_forced_text_keeps_its_texts(read):
    text = "zip,n\n007,1\n1.0,2\nNA,3\n"
    assert content(read(text, text=["ZIP"])) == {"zip": ["007", "1.0", None], "n": [1, 2, 3]}
    assert content(read(text, text=[-1]))["n"] == ["1", "2", "3"]
    assert content(read("007;1,50\n1;2,50\n", text=[1, 2])) == {"column 1": ["007", "1"], "column 2": ["1,50", "2,50"]}
    with pytest.raises(UsageError, match=r"t.csv: no column 'zap' \(did you mean 'zip'\?\)"):
        read(text, text=["zap"])


@pytest.mark.parametrize("chunk", [1, 4, 2**18])
def test_a_text_that_comes_late(read, chunk):
    lines = [f"{i:03},{i},{'' if i % 2 else i}" for i in range(50)]
    with mock.patch.object(module, "CHUNK", chunk):
        table = read("a,b,c\n" + "\n".join(lines) + "\nabc,0,0\n2,0,x\n")
    assert content(table) == {
        "a": [f"{i:03}" for i in range(50)] + ["abc", "2"],
        "b": [*range(50), 0, 0],
        "c": [None if i % 2 else str(i) for i in range(50)] + ["0", "x"],
    }
    assert table.notes == (
        "columns of numbers that are read as text because of a text among them: "
        "'a' ('abc' in line 52, 1 of such), 'c' ('x' in line 53, 1 of such)",
    )
    assert table.stray(0) == ("abc", 52, 1, 52)
    assert table.stray(1) is None


def test_numbers_forced_to_be_text_are_no_strays(read):
    table = read("a,b\n1,x\n2,3\n", text=["a"])
    assert table.stray(0) is None
    assert table.stray(1) == ("x", 2, 1, 2)
    assert not table.stray(1).few
    assert table.notes == ()


def test_a_file_that_changes_while_it_is_read(read, tmp_path):
    first = "a,b\n" + "1,1\n" * 2000 + "x,1\n"
    passes = [(line for line in text.splitlines(keepends=True)) for text in (first, first[:-4])]
    with (
        mock.patch.object(module, "text_lines", side_effect=passes),
        pytest.raises(DamagedFileError, match="changed while it was read; try again"),
    ):
        read(first)


def test_quotes(read):
    table = read('a,b\n"x, ""y""\n\nz",1\n "u", 2\n')
    assert content(table) == {"a": ['x, "y"\n\nz', "u"], "b": [1, 2]}
    assert table.lines.tolist() == [2, 5]


def test_spaces_around_cells(read):
    assert content(read("a,b\nx ,1\n x,2\nx,3\n NA ,4\n"))["a"] == ["x", "x", "x", None]
    assert content(read('a, b\n 1, "x, y"\n2 ,  z\n')) == {"a": [1, 2], "b": ["x, y", "z"]}


@pytest.mark.parametrize("text", ["a,b,\n1,2,\n3,4,\n", "a,b\n1,2,\n3,4,\n", "a,b,,\n1,2,,\n3,4,,,\n"])
def test_delimiters_at_the_end_of_lines(read, text):
    assert content(read(text)) == {"a": [1, 3], "b": [2, 4]}


def test_rows_without_a_value_are_left_out(read):
    table = read("a,b\n1,2\n,\n  \n,,,\n3,4\n,\n")
    assert content(table) == {"a": [1, 3], "b": [2, 4]}
    assert table.lines.tolist() == [2, 6]
    assert table.notes == ("rows without a single value, left out: 3",)


def test_names(read):
    table = read("a,,a\n1,2,3\n")
    assert table.names == ("a", "column 2", "a (2)")
    assert len(table.notes) == 2
    table = read("1,2\n3,4\n")
    assert content(table) == {"column 1": [1, 3], "column 2": [2, 4]}
    assert not table.had_header
    assert table.notes == ()
    assert content(read("1,2\n3,4\n", header=True)) == {"1": [3], "2": [4]}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a,b\n1,2\n3\n4,5\n", "line 3: 1 cells, expected 2 like the header (delimiter: comma); mend the line"),
        ("a;b\n1;2\n\n3;4;5\n", "line 4: 3 cells, expected 2 like the header (delimiter: semicolon)"),
        ("1,2\n3,4,5\n", "line 2: 3 cells, expected 2 like the first row"),
        ("title\na,b\n1,2\n3,4\n", "line 2: 2 cells, expected 1"),
        ("a,b,c\n", "a header and no rows; give at least one row"),
        ("a,b\n\n,,\n", "a header and no rows"),
        ('a,b\n1,"2\n', "line 2: a quoted cell does not end"),
        ('a,b\n"1"2,2\n', "line 2: text after a closing quote"),
    ],
)
def test_damage_is_named(read, text, what):
    with pytest.raises(DamagedFileError, match=re.escape(what)) as caught:
        read(text)
    assert re.fullmatch(r"\S*t\.csv: [^\n]+; [^\n]+", str(caught.value))


def test_damaged_gzip(read):
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    for cut in range(2, len(whole)):
        with pytest.raises(DamagedFileError, match="gzip"):
            read(whole[:cut])


def test_gzip_damage_at_the_end_is_found_before_the_rows_are_read(read):
    packed = bytearray(gzip.compress(b"a,b\n" + b"1,2,3\n" * 50_000))
    packed[-5] ^= 1
    with pytest.raises(DamagedFileError, match="damaged gzip data"):
        read(bytes(packed))


numbers = st.floats(allow_nan=False, allow_infinity=False)
letters = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t\v")
word = st.text(letters, max_size=8).map(
    lambda text: "w" + text.rstrip()
)  # no number, nothing missing, no spaces around it
tame = st.text("abcxyz ", max_size=6).map(lambda text: f"w{text}w")


def written(rows, **dialect):
    stream = io.StringIO(newline="")
    csv.writer(stream, **dialect).writerows(rows)
    return stream.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n"])  # after "\r" the standard writer would not quote "\n"
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@settings(max_examples=8, deadline=None)
@given(rows=st.lists(st.tuples(numbers, word, st.none() | numbers, st.none() | word), min_size=1, max_size=5))
def test_what_the_standard_library_writes_reads_back(tmp_path_factory, delimiter, quoting, end, rows):
    file = tmp_path_factory.getbasetemp() / "written.csv"
    text = written([("a", "b", "c", "d"), *rows], delimiter=delimiter, quoting=quoting, lineterminator=end)
    file.write_text(text, "utf-8", newline="")
    table = read_table(file, True, delimiter=delimiter)
    expected = {name: [row[i] for row in rows] for i, name in enumerate("abcd")}
    assert content(table) == expected


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.tuples(numbers, tame, st.integers(-(10**6), 10**6)), min_size=2, max_size=20),
    header=st.booleans(),
    chunk=st.integers(1, 20),
)
def test_layouts_are_found(tmp_path_factory, delimiter, rows, header, chunk):
    file = tmp_path_factory.getbasetemp() / "found.csv"
    file.write_text(written([("a", "b", "c")] * header + rows, delimiter=delimiter), newline="")
    with mock.patch.object(module, "CHUNK", chunk):
        table = read_table(file)
    assert (table.delimiter, table.had_header) == (delimiter, header)
    assert list(content(table).values()) == [list(column) for column in zip(*rows, strict=True)]


SEEDS = [
    b'age,city,n\n31,Oslo,1.5\n45,Rome,2\n?,"a, b",3\n',
    b'a;b\r\n1,5;x\r\n2,5;"y""z"\r\n',
    b"1\t2\t3\n4\t5\t6\n\n7\t8\t9\n",
    "å,b\n1,ß\n".encode("utf-16"),
    "å,b\n1,ß\n".encode("utf-8-sig"),
    gzip.compress(b"a,b\n1,2\n3,x\n", mtime=0),
]
PIECES = [b",", b";", b"\t", b'"', b"\n", b"\r", b"\0", b"1e999", b"nan", b"_", b"\xff", b"\xe2\x82", b"\x1f\x8b"]


def mutant(rng):
    data = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0:
                data[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                data[place:place] = rng.choice(PIECES) * rng.choice([1, 1, 1, 2, 300])
            case 2:
                del data[place : place + rng.randint(1, 8)]
            case 3:
                data[place:] = b""
            case 4:
                data[place:place] = data[: rng.randrange(len(data) + 1)]
    return bytes(data)


def test_mutants_raise_one_class_or_give_a_whole_table(tmp_path):
    rng = random.Random(1)
    file = tmp_path / "t.csv"
    messages, tables = [], 0
    for _ in range(MUTANTS):
        data = mutant(rng)
        file.write_bytes(data)
        try:
            table = read_table(file, rng.choice([None, True, False]), rng.choice([(), (1,)]))
        except (DamagedFileError, UsageError) as error:
            messages.append(str(error))
            continue
        tables += 1
        assert len(table.names) == len(set(table.names)) == len(table.columns) >= 1
        assert len(table) >= 1
        assert (np.diff(table.lines) > 0).all()
        for column in table.columns:
            if isinstance(column, NumberColumn):
                assert column.values.shape == (len(table),)
                assert not np.isinf(column.values).any()
            else:
                assert column.codes.shape == (len(table),)
                assert set(column.codes.tolist()) - {-1} == set(range(len(column.categories))), data
    assert min(len(messages), tables) > MUTANTS / 10
    assert [line for line in messages if not re.fullmatch(r"[^\n\r]+; [^\n\r]+", line)] == []


BOMBS = {
    "zeros": lambda: b"a,b\n" + b"\0" * 2**26,
    "lines": lambda: b"a,b\n" + b"\n" * 2**26,
    "rows": lambda: b"a,b\n" + b"1,2\n" * 2**25,
    "empty rows": lambda: b"a,b\n" + (b"," * 2**20 + b"\n") * 2**7,
    "one cell": lambda: b"a,b\n" + b'"' + b"1\n" * 2**26,
    "one line": lambda: b"a,b\n1,2\n" + b"1," * 2**26,
}

CHILD = """
import resource, sys
from pathlib import Path
from mlpcli.datasets.table import read_table
from mlpcli.errors import DamagedFileError
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_table(Path(sys.argv[1]))
except DamagedFileError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_in_little_memory(tmp_path, kind):
    file = tmp_path / "t.csv"
    file.write_bytes(gzip.compress(BOMBS[kind](), compresslevel=9))
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(file)], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) < 150 * 1024, "KiB beyond what the imports take"
