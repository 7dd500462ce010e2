"""Arrays as input: which key is taken, and headers that lie cost neither memory nor a traceback."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.errors import DataError
from neurodeploy.ir.array_files import choose, read_arrays
from neurodeploy.ir.files import read_input, read_inputs
from tests.unit.test_files import DT, small_graph


def refused(path) -> str:
    with pytest.raises(DataError) as caught:
        read_arrays(path)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.where, diagnostic.rule) == (str(path), "array-file")
    assert "allow_pickle" not in str(diagnostic) and "unsafely" not in str(diagnostic)
    return diagnostic.detail.removeprefix("not a readable array file: ")


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def described(descr: object = "<f8", shape: object = (2,), order: object = False) -> str:
    return str({"descr": descr, "fortran_order": order, "shape": shape})


@pytest.mark.parametrize("dtype", ["?", "i1", "<u4", ">f4", "f2", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_round_trip(tmp_path, dtype, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4) % 2, dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", x=array, none=np.zeros((0, 3)), one=np.float64(2))
    np.testing.assert_array_equal(read_input(tmp_path / "a.npy"), array)
    found = read_arrays(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["x"], array)
    assert (found["none"].shape, found["one"].shape) == ((0, 3), ())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello", "it is neither .npy nor .npz"),
        (npy(described(shape=(10**12,)), bytes(16)), "declares shape (1000000000000,) of float64"),
        (npy(described(shape=(10**30, 0))), "declares shape (1000000000000000000000000000000, 0)"),
        (npy(described(shape=(-1, -2)), bytes(16)), "declares shape (-1, -2)"),
        (npy(described(), bytes(15)), "declares shape (2,) of float64, and 15 bytes follow"),
        (npy(described(), bytes(17)), "declares shape (2,) of float64, and 17 bytes follow"),
        (npy(described("|O"), bytes(16)), "holds Python objects, expected numbers"),
        (npy(described("<U4"), bytes(32)), "holds text, expected numbers"),
        (npy(described([("a", "<f8")]), bytes(16)), "expected numbers"),
        (npy(described("<M8[s]"), bytes(16)), "expected numbers"),
        (npy(described("nonsense"), bytes(16)), "has a damaged header"),
        (npy(described(shape="x")), "has a damaged header"),
        (npy("__import__('os').abort()"), "has a damaged header"),
        (npy("{" * 3000), "has a damaged header"),
        (npy("(" * 9000), "has a damaged header"),
        (npy(described() + " " * 20000), "has a damaged header"),
        (b"\x93NUMPY\x09\x00\x00\x00", "has a damaged header"),
        (b"\x93NUMPY\x01\x00\xff", "has a damaged header"),
    ],
)
def test_headers_that_lie(tmp_path, content, words):
    (tmp_path / "a.npy").write_bytes(content)
    assert words in refused(tmp_path / "a.npy")


def test_archives_that_lie(tmp_path):
    path = tmp_path / "a.npz"

    def archived(**members: bytes) -> str:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(f"{name}.npy", content)
        return refused(path)

    assert "'x' declares shape (9,)" in archived(x=npy(described(shape=(9,)), bytes(8)))
    assert "'x' holds Python objects" in archived(x=npy(described("|O")))
    assert "'x' has a damaged header" in archived(x=b"hello world")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.zeros(1000))
    raw = bytearray(buffer.getvalue())
    entry = raw.rindex(b"PK\x01\x02")
    raw[entry + 24 : entry + 28] = (2**31).to_bytes(4, "little")
    path.write_bytes(bytes(raw))
    assert refused(path) == "its table of contents declares more than the file can hold"
    raw = bytearray(buffer.getvalue())
    raw[60] ^= 0xFF
    path.write_bytes(bytes(raw))
    refused(path)
    np.savez(path, x=np.arange(100.0))
    raw = bytearray(path.read_bytes())
    raw[raw.index(np.float64(7).tobytes())] ^= 1  # stored as it is: the checksum tells
    path.write_bytes(bytes(raw))
    assert "Bad CRC-32" in refused(path)


def test_bits_that_flip(tmp_path):
    """Always an array or an error of ours."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", np.ones((4, 3)))
    np.savez_compressed(tmp_path / "a.npz", x=np.ones((4, 3)), y=np.arange(3))
    for name in ("a.npy", "a.npz"):
        original = (tmp_path / name).read_bytes()
        for trial in range(300):
            raw = bytearray(original)
            for place in rng.integers(0, len(raw), size=(1, 2, 8)[trial % 3]):
                raw[place] ^= 1 << int(rng.integers(8))
            kept = int(rng.integers(len(raw))) if trial % 5 == 0 else len(raw)
            (tmp_path / name).write_bytes(bytes(raw[:kept]))
            try:
                read_arrays(tmp_path / name)
            except DataError:
                continue


ONE, TWO = np.ones((4, 3)), np.zeros((4, 3))


@pytest.mark.parametrize(
    ("arrays", "names", "taken"),
    [
        ({"": ONE}, ("in",), ["in"]),
        ({"x": ONE}, ("in",), ["in"]),
        ({"input": ONE, "x": TWO}, ("in",), ["in"]),
        ({"input": TWO, "in": ONE}, ("in",), ["in"]),
        ({"a": ONE, "b": ONE, "c": TWO}, ("a", "b"), ["a", "b"]),
        ({"x": ONE, "y": ONE}, ("in",), "arrays x, y, none is named input or in"),
        ({"a": ONE, "x": ONE}, ("a", "b"), "arrays a, x, none is named b; save an .npz with"),
        ({"": ONE}, ("a", "b"), "one array, and the inputs are a, b; save an .npz with"),
        ({}, ("in",), "arrays no arrays, none is named input or in"),
    ],
)
def test_which_array_feeds_which_input(arrays, names, taken):
    if isinstance(taken, list):
        found = choose(arrays, names, "x.npz")
        assert list(found) == taken and all(value is ONE for value in found.values())
        return
    with pytest.raises(DataError) as caught:
        choose(arrays, names, "x.npz")
    assert taken in str(caught.value)


def test_inputs_for_a_program(tmp_path):
    program = pipeline.load(small_graph(), DT)
    np.savez(tmp_path / "x.npz", input=ONE, other=TWO)
    np.testing.assert_array_equal(read_inputs(tmp_path / "x.npz", program), ONE)
    with pytest.raises(DataError, match="NIRData is read for a network"):
        read_input(tmp_path / "x.nir")
