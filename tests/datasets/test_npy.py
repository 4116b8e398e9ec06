import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlpcli.datasets.npy import read_npy
from mlpcli.errors import DamagedFileError, UsageError
from tests.datasets.mutants import survive

NUMBERS = "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8".split()
SHAPES = hnp.array_shapes(min_dims=0, max_dims=8, min_side=1, max_side=3)


def dtypes():
    plain = [np.dtype(order + name) for name in NUMBERS for order in "<>"]
    return st.sampled_from([*plain, np.dtype("S3"), np.dtype("<U3"), np.dtype(">U2")])


def arrays(shapes=SHAPES):
    # Any bit pattern of a number, NaN and infinities among them; text that Unicode has.
    characters = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=2)
    return dtypes().flatmap(lambda dtype: hnp.arrays(dtype, shapes, elements=characters if dtype.kind == "U" else None))


def saved(array, version=None):
    """The bytes that NumPy itself writes."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version, allow_pickle=False)
    return buffer.getvalue()


def same(found, expected):
    """Equal in shape, type with its byte order, and every bit."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()


def header(text, version=b"\1\0", end="\n"):
    text = text.encode("latin-1") + end.encode()
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(text))
    return b"\x93NUMPY" + version + size + text


def described(descr="'<f4'", order="False", shape="(2, 3)"):
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "X.npy"


@given(array=arrays(), fortran=st.booleans(), version=st.sampled_from([None, (1, 0), (2, 0), (3, 0)]))
def test_what_numpy_saves_is_read(scratch, array, fortran, version):
    array = np.asfortranarray(array) if fortran and array.ndim else array
    file = scratch / "X.npy"
    file.unlink(missing_ok=True)
    file.write_bytes(saved(array, version))
    found = read_npy(file)
    same(found, array)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert found.flags.f_contiguous >= array.flags.f_contiguous


def test_worked_by_hand(file):
    file.write_bytes(described("'>i2'", "True", "(2, 2)") + bytes([0, 1, 0, 2, 0, 3, 255, 255]))
    assert read_npy(file).tolist() == [[1, 3], [2, -1]]  # columns first


@pytest.mark.parametrize(
    "text",
    [
        "{'shape': (2, 3), 'descr': '<f4', 'fortran_order': False}",
        "{'fortran_order':False,'shape':(2,3),'descr':'<f4'}",
        '{ "descr" : "<f4" , "fortran_order" : False , "shape" : ( 2 , 3 , ) , }   ',
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }",
    ],
)
@pytest.mark.parametrize("padding", ["\n", "", " " * 7 + "\n"])  # so that the items start at odd places, too
def test_headers_that_others_write(file, text, padding):
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    file.write_bytes(header(text, end=padding) + values.tobytes())
    same(read_npy(file), values)
    assert read_npy(file).sum() == 15


BAD_HEADERS = {
    "no dictionary": "['descr', 'fortran_order', 'shape']",
    "nothing": "",
    "a key is missing": "{'descr': '<f4', 'fortran_order': False, }",
    "a key stands twice": "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
    "a key too many": "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'extra': 1, }",
    "an open end": "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ",
    "more after the end": "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } + {}",
    "two commas": "{'descr': '<f4',, 'fortran_order': False, 'shape': (2, 3), }",
    "no comma": "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3), }",
    "an order that is no truth value": "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }",
    "a list as the shape": "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3], }",
    "a number as the shape": "{'descr': '<f4', 'fortran_order': False, 'shape': 6, }",
    "a call": "{'descr': '<f4', 'fortran_order': False, 'shape': exit(), }",
    "an escape": "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (2, 3), }",
    "quotes that differ": "{'descr\": '<f4', 'fortran_order': False, 'shape': (2, 3), }",
    "digits of another script": "{'descr': '<f4', 'fortran_order': False, 'shape': (\xb2, 3), }",
    "a zero byte": "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\0",
    "a comment": "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } # ",
}


@pytest.mark.parametrize("text", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_header_that_is_not_understood(file, text):
    file.write_bytes(header(text) + bytes(24))
    with pytest.raises(DamagedFileError, match=r"X\.npy: the header is not understood; save it again with np\.save"):
        read_npy(file)


@pytest.mark.parametrize("shape", ["(-2, -3)", "(2.0, 3)", "(2_0, 3)", "(0x2, 3)", "(2, '3')"])
def test_a_shape_that_is_no_tuple_of_digits(file, shape):
    file.write_bytes(described(shape=shape) + bytes(24))
    with pytest.raises(DamagedFileError, match="the header is not understood"):
        read_npy(file)


@pytest.mark.parametrize("shape", ["(6)", "(2,,3)", "(,)", "(2 3)", f"({'9' * 20},)", "(2LL,)", "(L,)"])
def test_a_shape_that_is_no_tuple(file, shape):
    file.write_bytes(described(shape=shape) + bytes(24))
    with pytest.raises(DamagedFileError, match="a shape that is not understood"):
        read_npy(file)


@pytest.mark.parametrize(
    ("descr", "what"),
    [
        ("|O", "pickled Python objects, which are never unpickled; save numbers"),
        ("O", "pickled Python objects"),
        ("<O8", "pickled Python objects"),
        ("<c8", "complex numbers"),
        ("<M8[ns]", "dates or times"),
        ("<m8", "dates or times"),
        ("|V8", "'|V8', which is not read"),
        ("<f16", "'<f16', which is not read"),
        ("=f4", "'=f4', which is not read"),
        ("f4", "'f4', which is not read"),
        ("|f4", "'|f4', which is not read"),
        ("<i3", "'<i3', which is not read"),
        ("<f4,<f4", "'<f4,<f4', which is not read"),
        ("|U1", "'|U1', which is not read"),
        ("|S0", "'|S0', which is not read"),
        ("<U", "'<U', which is not read"),
        ("", "'', which is not read"),
        ("|S4097", "text of 4097 characters"),
        ("<U999999999", "text of 999999999 characters"),
    ],
)
def test_a_type_that_is_not_read(file, descr, what):
    file.write_bytes(described(repr(descr)) + bytes(24))
    with pytest.raises(DamagedFileError) as caught:
        read_npy(file)
    assert what in str(caught.value)
    assert "allow_pickle" not in str(caught.value)


def test_records_are_refused(file):
    np.save(file, np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
    with pytest.raises(DamagedFileError, match="records with named fields"):
        read_npy(file)


def test_a_weights_file_is_no_data(file):
    from mlpcli import checkpoint

    weights = {"W2": np.zeros((1, 2), "<f4"), "b2": np.zeros(1, "<f4")}
    checkpoint.save(file, weights, {"format": 1, "structure": [2, 1]})
    with pytest.raises(DamagedFileError, match="a weights file of mlpcli, not data"):
        read_npy(file)


@pytest.mark.parametrize("shape", ["(0,)", "(3, 0)", f"(0, {2**63 - 1}, {2**63 - 1})"])
def test_no_items(file, shape):
    file.write_bytes(described(shape=shape))
    with pytest.raises(DamagedFileError, match="no items"):
        read_npy(file)


def test_nine_dimensions(file):
    np.save(file, np.zeros((1,) * 9))
    with pytest.raises(DamagedFileError, match="9 dimensions, at most 8"):
        read_npy(file)


@pytest.mark.parametrize("shape", [f"({2**31},)", f"({2**63 - 1},)", f"({2**62}, 4)", f"({2**32}, {2**32})", "(7,)"])
def test_more_items_than_the_file_has(file, shape):
    # Sizes whose product wraps to that of the file in 32 or 64 bits are among them.
    file.write_bytes(described(shape=shape) + bytes(24))
    with pytest.raises(DamagedFileError, match="24 bytes of items where the header promises"):
        read_npy(file)


def test_fewer_items_than_the_file_has(file):
    file.write_bytes(described() + bytes(25))
    with pytest.raises(DamagedFileError, match="25 bytes of items where the header promises 24"):
        read_npy(file)


@pytest.mark.parametrize("version", [b"\0\0", b"\1\1", b"\4\0", b"\xff\xff"])
def test_a_version_that_is_not_read(file, version):
    file.write_bytes(b"\x93NUMPY" + version + described()[8:] + bytes(24))
    with pytest.raises(DamagedFileError, match=f"version {version[0]}.{version[1]}"):
        read_npy(file)


def test_a_header_that_is_too_long(file):
    file.write_bytes(b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1))
    with pytest.raises(DamagedFileError, match="a header of 4,294,967,295 bytes, at most 10,000"):
        read_npy(file)


@pytest.mark.parametrize(
    ("content", "what"), [(b"", "is empty"), (b"PK\3\4abcd", "not a .npy file"), (b"1,2\n", "not a")]
)
def test_what_is_no_npy_file(file, content, what):
    file.write_bytes(content)
    with pytest.raises(DamagedFileError, match=what):
        read_npy(file)


def test_booleans_are_0_or_1(file):
    file.write_bytes(described("'|b1'", shape="(3,)") + b"\0\1\2")
    with pytest.raises(DamagedFileError, match="no true and false"):
        read_npy(file)


@pytest.mark.parametrize("code", [0x110000, 0xD800, 0xDFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("order", "<>")
def test_text_is_unicode(file, code, order):
    content = np.array([65] * 100_000 + [code], f"{order}u4").tobytes()  # the last of several blocks
    file.write_bytes(described(f"'{order}U1'", shape="(100001,)") + content)
    with pytest.raises(DamagedFileError, match="no characters"):
        read_npy(file)


def test_every_truncation_and_every_extension_is_refused(file):
    for version in [(1, 0), (3, 0)]:
        whole = saved(np.arange(6, dtype="<f4"), version)
        for content in [whole[:n] for n in range(len(whole))] + [whole + b"\0", whole + whole]:
            file.write_bytes(content)
            with pytest.raises(DamagedFileError):
                read_npy(file)


@pytest.mark.parametrize("name", ["missing.npy", ".", "nul\0.npy"])
def test_what_is_no_file_is_usage(tmp_path, name):
    with pytest.raises(UsageError):
        read_npy(tmp_path / name)


@pytest.mark.parametrize(
    "array",
    [np.arange(6, dtype="<f4").reshape(2, 3), np.array(["one", "two"]), np.ones((2, 2), bool)],
    ids=["numbers", "text", "booleans"],
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_mutants(scratch, array, version):
    def check(found, mutant):  # NumPy reads what we read, in the same way
        expected = np.lib.format.read_array(io.BytesIO(mutant), allow_pickle=False)
        same(found, expected)

    survive(read_npy, scratch / "mutant.npy", saved(array, version), check, seed=len(array))
