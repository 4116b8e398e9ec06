import json
import os

import numpy as np
import pytest

from mlpcli import checkpoint
from mlpcli.errors import DamagedFileError, UsageError

META = {"format": 1, "structure": [3, 2, 1], "name": "π ≠ 3", "activations": ["relu", "sigmoid"]}


def arrays(dtype="<f4"):
    values = iter(np.linspace(-1, 1, 11))
    shapes = {"W2": (2, 3), "b2": (2,), "W3": (1, 2), "b3": (1,)}
    return {
        name: np.array([next(values) for _ in range(int(np.prod(shape)))], dtype).reshape(shape)
        for name, shape in shapes.items()
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.npy"


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_what_was_saved_is_loaded(path, dtype):
    checkpoint.save(path, arrays(dtype), META)
    loaded, meta = checkpoint.load(path)
    assert meta == META
    assert list(loaded) == ["W2", "b2", "W3", "b3"]
    for name, array in arrays(dtype).items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == dtype


def test_plain_numpy_reads_it_with_pickles_refused(path):
    checkpoint.save(path, arrays(), META)
    record = np.load(path, allow_pickle=False)
    assert record.shape == ()
    assert record["W2"].shape == (2, 3)
    assert record["W2"].dtype == np.float32
    np.testing.assert_array_equal(record["b3"], arrays()["b3"])
    assert json.loads(bytes(record["meta"]).decode()) == META


def test_numpy_itself_writes_the_same_container():
    # An oracle for the header and the layout: the same record, saved by NumPy.
    import io

    content = checkpoint.encode(*familiar((1, 2), (1, 2)))
    record = np.load(io.BytesIO(content), allow_pickle=False)
    buffer = io.BytesIO()
    np.save(buffer, record, allow_pickle=False)
    assert buffer.getvalue() == content


def test_big_endian_arrays_are_stored_little_endian(path):
    checkpoint.save(path, {name: a.astype(">f4") for name, a in arrays().items()}, META)
    np.testing.assert_array_equal(checkpoint.load(path)[0]["W2"], arrays()["W2"])


def familiar(means=(1, 2), axes=(3, 2), codes="u1"):
    """Arrays and a description with what is familiar, of the shapes that fit the structure, or others."""
    known = {checkpoint.MEANS: np.zeros(means, "<f4"), checkpoint.AXES: np.full(axes, 200).astype(codes)}
    return {**arrays(), **known}, {**META, "familiar": {}}


@pytest.mark.parametrize(("means", "axes"), [((1, 2), (1, 2)), ((1, 5), (4, 5)), ((2, 5), (6, 5))])
def test_what_is_familiar_is_kept(path, means, axes):
    # One class or two, of the hidden layer's 2 units, or of these and the 3 inputs.
    given, meta = familiar(means, axes)
    checkpoint.save(path, given, meta)
    found = checkpoint.load(path)[0]
    assert found[checkpoint.MEANS].shape == means
    assert found[checkpoint.AXES].dtype == np.uint8
    np.testing.assert_array_equal(found[checkpoint.AXES], given[checkpoint.AXES])
    assert np.load(path, allow_pickle=False)["W2"].shape == (2, 3)


@pytest.mark.parametrize(
    ("means", "axes"),
    [
        ((1, 3), (1, 3)),  # neither the hidden layer nor that and the inputs
        ((1, 2), (1, 5)),  # not of one width
        ((3, 2), (3, 2)),  # not as many as classes
        ((2, 2), (3, 2)),  # not as many for each class
        ((1, 2), (3, 2)),  # more axes than dimensions
        ((2,), (1, 2)),
        ((1, 2), (2,)),
    ],
)
def test_what_is_familiar_fits_the_structure_or_is_refused(path, means, axes):
    checkpoint.save(path, *familiar(means, axes))
    with pytest.raises(DamagedFileError, match="what is familiar to it does not fit"):
        checkpoint.load(path)


@pytest.mark.parametrize("left_out", ["familiar_means", "familiar_axes", "familiar"])
def test_what_is_familiar_comes_whole_or_not_at_all(path, left_out):
    known, meta = familiar((1, 2), (1, 2))
    known.pop(left_out, None)
    meta.pop(left_out, None)
    checkpoint.save(path, known, meta)
    with pytest.raises(DamagedFileError, match="what is familiar to it does not fit"):
        checkpoint.load(path)


@pytest.mark.parametrize("name", ["W2", "b3", "familiar_means", "state_parameters"])
def test_bytes_are_for_axes_alone(path, name):
    known, meta = familiar((1, 2), (1, 2))
    known[name] = known.get(name, np.zeros(11)).astype(np.uint8)
    checkpoint.save(path, known, meta)
    with pytest.raises(DamagedFileError, match="not of the right kind"):
        checkpoint.load(path)


def test_axes_are_bytes_alone(path):
    checkpoint.save(path, *familiar((1, 2), (1, 2), "<f4"))
    with pytest.raises(DamagedFileError, match="not of the right kind"):
        checkpoint.load(path)


def test_every_truncation_and_every_extension_is_noticed(path):
    whole = checkpoint.encode(arrays(), META)
    for content in [whole[:n] for n in range(len(whole))] + [whole + b"\0", whole + whole]:
        path.write_bytes(content)
        with pytest.raises(DamagedFileError):
            checkpoint.load(path)


def test_every_bit_flip_is_noticed():
    whole = checkpoint.encode(arrays(), META)
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            with pytest.raises(checkpoint._Damage):
                checkpoint.decode(bytes(flipped))


def forged(header=None, meta=None, values=None, describe=META):
    """A file whose digest is right and whose content is not: what an attacker would write."""
    described = json.dumps(describe).encode() if meta is None else meta
    fields = "[('W2', '<f4', (2, 3)), ('b2', '<f4', (2,)), ('W3', '<f4', (1, 2)), ('b3', '<f4', (1,)), "
    fields += f"('meta', '|S{len(described)}'), ('sha256', '|S64')]"
    text = header if header is not None else f"{{'descr': {fields}, 'fortran_order': False, 'shape': (), }}"
    text += "\n"
    body = np.zeros(11, "<f4") if values is None else values
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + body.tobytes() + described
    import hashlib

    return content + hashlib.sha256(content).hexdigest().encode()


def test_the_forger_can_also_make_a_good_one(path):
    path.write_bytes(forged())
    assert checkpoint.load(path)[1] == META


HOSTILE = [
    "{'descr': '|O', 'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '|O'), ('meta', '|S2'), ('sha256', '|S64')], 'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3))], 'fortran_order': True, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3))], 'fortran_order': False, 'shape': (2,), }",
    "{'descr': [('W2', '>f4', (2, 3))], 'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f2', (2, 3))], 'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3, 4))], 'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (0, 3))], 'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (-1, 3))], 'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (99999999999, 3))], 'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (9999999999, 9999999999)), ('b2', '<f4', (2,)), ('meta', '|S2'), ('sha256', '|S64')], "
    "'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3)), ('W2', '<f4', (2, 3)), ('meta', '|S2'), ('sha256', '|S64')], "
    "'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3)), ('b2', '<f4', (2,)), ('sha256', '|S64'), ('meta', '|S2')], "
    "'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3)), ('b2', '<f4', (2,)), ('meta', '<f4', (2,)), ('sha256', '|S64')], "
    "'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3)), ('b2', '|S8'), ('meta', '|S2'), ('sha256', '|S64')], "
    "'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3)), ('b2', '<f4'), ('meta', '|S2'), ('sha256', '|S64')], "
    "'fortran_order': False, 'shape': (), }",
    "{'descr': [('W2', '<f4', (2, 3)), ('b2', '<f4', (2,)), ('meta', '|S2'), ('sha256', '|S63')], "
    "'fortran_order': False, 'shape': (), }",
    "{'descr': {'names': ['W2'], 'formats': ['<f4'], 'offsets': [99]}, 'fortran_order': False, 'shape': (), }",
    "__import__('os').system('true')",
    "(" * 5000,
    "{" * 9000,
    "",
    " " * 20000,
]


@pytest.mark.parametrize("header", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_header_is_refused(path, header):
    path.write_bytes(forged(header=header))
    with pytest.raises(DamagedFileError) as caught:
        checkpoint.load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert "pickle" not in message


@pytest.mark.parametrize(
    ("meta", "what"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": NaN}', "not JSON"),
        (b"[1]", "format version"),
        (b'{"format": 2}', "format version 2"),
        (b'{"format": 1}', "no structure"),
        (b'{"format": 1, "structure": [3, 2, true]}', "no structure"),
        (b'{"format": 1, "structure": [3, 2]}', "do not fit"),
        (b'{"format": 1, "structure": [2, 3, 1]}', "do not fit"),
        (b'{"format": 1' + b"0" * 5000 + b"}", "not JSON"),
    ],
)
def test_a_hostile_description_is_refused(path, meta, what):
    path.write_bytes(forged(meta=meta))
    with pytest.raises(DamagedFileError, match=what):
        checkpoint.load(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(path, value):
    values = np.zeros(11, "<f4")
    values[7] = value
    path.write_bytes(forged(values=values))
    with pytest.raises(DamagedFileError, match="b2 has values that are not finite"):
        checkpoint.load(path)


def test_pickled_arrays_are_refused_without_being_opened(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    np.save(path, np.array([Bomb()], object))
    with pytest.raises(DamagedFileError):
        checkpoint.load(path)
    assert not (tmp_path / "executed").exists()


def test_a_plain_array_is_no_checkpoint(path):
    np.save(path, np.zeros((3, 3)))
    with pytest.raises(DamagedFileError, match="header"):
        checkpoint.load(path)


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo"])
def test_what_is_no_file_is_usage(tmp_path, kind):
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(UsageError):
        checkpoint.load(path)


def test_a_network_too_large_for_the_container_is_refused_before_it_is_made():
    with pytest.raises(UsageError, match="2 GiB"):
        checkpoint.check_size((100_000, 100_000, 10), "float32")
    with pytest.raises(UsageError, match="layers"):
        checkpoint.check_size((2,) * 400, "float32")


def test_the_deepest_network_that_is_let_through_is_readable_by_numpy(path):
    deep = next(n for n in range(400, 2, -1) if _fits(n))
    assert deep > 120
    values = {}
    for layer in range(2, deep + 1):
        values |= {f"W{layer}": np.zeros((2, 2), "<f4"), f"b{layer}": np.zeros(2, "<f4")}
    checkpoint.save(path, values, {"format": 1, "structure": [2] * deep})
    assert np.load(path)[f"W{deep}"].shape == (2, 2)
    assert len(checkpoint.load(path)[0]) == 2 * (deep - 1)


def _fits(layers):
    try:
        return checkpoint.check_size((2,) * layers, "float32") > 0
    except UsageError:
        return False
