"""What is found out from the beginning of a table, and what is refused there."""

import gzip
import re

import pytest

from mlpcli.datasets.table import read_table
from mlpcli.datasets.table_layout import find_layout
from mlpcli.errors import DamagedFileError, UsageError


@pytest.fixture
def layout(tmp_path):
    def find(content, **options):
        file = tmp_path / "t.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return find_layout(file, **options)

    return find


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1;2\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a\n1\n2\n", ","),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("1,5;2,5\n3,5;4,5\n", ";"),
        ("a;label\n" + "0,5;no\n1,25;yes\n" * 5, ";"),  # a comma in each row but the first
        ("0,5;no\n1,25;yes\n" * 5, ";"),
        ("a;b;label\n" + "1.125,50;-0,132;no\n" * 20, ";"),
        ("1,5\t2,5\n3,5\t4,5\n", "\t"),
        ('name,quote\nann,"a; b; c"\nbob,"d; e; f"\n', ","),
        ("x|y,1,2\nz|w,3,4\n", ","),
        ("city;words\nOslo;big, cold\nRome;old, warm, dear\n", ";"),
        ("when,what\n2020-01-01 10:00,a\n", ","),
    ],
)
def test_the_delimiter_is_found(layout, content, delimiter):
    assert layout(content).delimiter == delimiter


def test_the_delimiter_can_be_given(layout):
    found = layout("a;b,c\n1;2,3\n", delimiter=";")
    assert found.names == ("a", "b,c")
    with pytest.raises(UsageError, match="delimiter '/'; choose one of tab, semicolon, bar, comma"):
        layout("a/b\n", delimiter="/")


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("a,b\n1,2\n", True),
        ("1,2\n3,4\n", False),
        ("1,2\n", False),
        ("a\n1\n", True),
        ("5\n1\n", False),
        ("2019,total\n1,2\n", True),
        ("city,size\nOslo,big\nRome,big\nBern,small\n", True),
        ("p,x,s\ne,x,s\np,b,y\n", False),  # no header: texts of the first row come again below
        ("Oslo,1\nRome,2\n", False),
        (",a\n0,1\n1,2\n", True),  # pandas writes its index without a name
        (",a\nx,u\ny,v\n", True),
        ("?,1\n2,3\n", False),
        ("class,a\nx,NA\ny,1\n", True),
        ("yes,1,a\nno,2,b\n", False),
    ],
)
def test_the_header_is_found(layout, content, header):
    assert layout(content).had_header is header


def test_the_header_can_be_given(layout):
    assert layout("1,2\n3,4\n", header=True).names == ("1", "2")
    assert layout("a,b\n3,4\n", header=False).names == ("column 1", "column 2")


def test_known_names_settle_the_header(layout):
    assert layout("city,size\nOslo,big\n", known=["Size", "CITY"]).had_header
    assert not layout("Oslo,big\n", known=["city", "size"]).had_header
    assert layout("town,length\n1,2\n", known=["city", "size"]).had_header


def test_numbers_in_the_header_are_said(layout):
    (note,) = layout("2019,total\n1,2\n").notes
    assert note == "the first row is taken for the header although it holds numbers, such as 2019"


@pytest.mark.parametrize(
    ("content", "decimal"),
    [
        ("a;b\n1,5;x\n", ","),
        ("a;b\n1,500;x\n", ","),
        ("a\tb\n1,5\tx\n", ","),
        ("a\tb\n1,500\t2,000\n", "."),  # thousands, perhaps
        ("a;b\n1,5;2.5\n", "."),
        ("a;b\n1;2\n", "."),
        ("a,b\n1,5\n", "."),
    ],
)
def test_the_decimal_sign_is_found(layout, content, decimal):
    found = layout(content)
    assert found.decimal == decimal
    assert any("decimal comma" in note for note in found.notes) is (decimal == ",")


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        ("å,b\n1,2\n".encode(), "utf-8"),
        ("å,b\n1,2\n".encode("utf-8-sig"), "utf-8-sig"),
        ("å,b\n1,2\n".encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + "å,b\n1,2\n".encode("utf-16-be"), "utf-16"),
        ("å,b\n1,2\n".encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_is_found(layout, content, codec):
    found = layout(content)
    assert (found.codec, found.names) == (codec, ("å", "b"))


def test_a_header_longer_than_what_is_looked_at(layout):
    names = [f"feature number {i}" for i in range(10_000)]
    found = layout(",".join(names) + "\n" + ",".join(["1"] * 10_000) + "\n")
    assert found.had_header
    assert found.names == tuple(names)


HTML = "a web page, not a table; download the file itself"
BINARY = "a binary file, not a table of text; save it as CSV in UTF-8"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty;"),
        (gzip.compress(b""), "the file is empty;"),
        (b"\n \n\r\n\n", "nothing but blank lines; give a table"),
        (b",,\n,,\n", "no cell has a value; give a table"),
        (b"\xef\xbb\xbf", "nothing but blank lines"),
        (b"<!DOCTYPE html>\n<html></html>", HTML),
        (b"\n  <HTML lang=en>", HTML),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", HTML),
        (
            b"PK\x03\x04....[Content_Types].xml",
            "an Excel workbook or another zip archive, not a table of text; open it",
        ),
        (b"PK\x03\x04", "save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "gzip data inside gzip data"),
        (b"a,b\n1,\0\n", BINARY),
        (bytes(range(256)), BINARY),
        ("a,b\n1,2\n".encode("utf-16-le"), BINARY),
        ("å,b\n1,2\n".encode("utf-16")[:-1], "text that is not UTF-16 (byte 0x0a); save the table in UTF-8"),
        (b"a,b\n1,\x81\n", "text that is neither UTF-8 nor Windows-1252 (byte 0x81); save the table in UTF-8"),
        (b"\xef\xbb\xbfa,b\n1,\xe5\n", "text that is not UTF-8 (byte 0xe5); save the table in UTF-8"),
        (b"1.5 2 3\n4 5 6\n", "numbers with spaces between them; put commas or tabs there"),
        (b"," * 100_000 + b"a\n", "100,001 columns, at most 100,000 are read"),
        (b"a" * (2**22 + 1), "line 1 is longer than 4,194,304 characters"),
        (b"a" * 200_000, "a cell longer than 131,072 characters; is a quote left open?"),
    ],
)
def test_what_is_no_table(layout, content, what):
    with pytest.raises(DamagedFileError, match=re.escape(what)) as caught:
        layout(content)
    assert re.fullmatch(r"\S*t\.csv: [^\n]+; [^\n]+", str(caught.value))


def test_what_is_no_table_further_on(tmp_path):
    start = b"a,b\n" + b"1,2\n" * 20_000
    file = tmp_path / "t.csv"
    for end, what in [
        (b"3,\0\n", "line 20,002 has a NUL byte"),
        (b"\n" * 10_001, "more than 10,000 blank lines in a row up to line 30,002"),
        (b"\r" * 10_001, "more than 10,000 blank lines"),
        (b"1" * (2**22 + 1), "line 20,002 is longer"),
        (b'3,"4\n', "line 20,002: a quoted cell does not end; the file is cut short, or close the quote"),
        (b'3,"4\n' + b"5,6\n" * 40_000, "the row from line 20,002 to "),
        (b'3,"4"5\n', "line 20,002: text after a closing quote; double the quotes within quoted cells"),
        (b'3,"' + b"4" * 200_000, "line 20,002: a cell longer than 131,072 characters"),
        (b"3,\x81\n", "neither UTF-8 nor Windows-1252 (byte 0x81)"),
    ]:
        file.write_bytes(start + end)
        with pytest.raises(DamagedFileError, match=re.escape(what)):
            read_table(file)


def test_another_encoding_further_on(tmp_path):
    file = tmp_path / "t.csv"
    rows = b"1,x\n" * 20_000
    file.write_bytes(b"a,b\n" + rows + "2,å\n".encode("cp1252"))
    table = read_table(file)
    assert table.encoding == "Windows-1252"
    assert table.columns[1].categories == ("x", "å")
    file.write_bytes("å,b\n".encode() + rows + "2,å\n".encode("cp1252"))
    with pytest.raises(DamagedFileError, match="begins as UTF-8, but byte 0xe5 further on is not; save"):
        read_table(file)


def test_paths_that_are_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(UsageError, match=re.escape(str(path))):
            find_layout(path)
