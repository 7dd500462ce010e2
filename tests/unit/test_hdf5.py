"""Reading HDF5 in a process that may be lost: what is refused, and what a lost one leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurodeploy.errors import DataError
from neurodeploy.ir import hdf5
from neurodeploy.ir.hdf5 import Limits, read_tree


def reader_pid() -> int:
    return hdf5._READERS.current._process.pid


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def refused(path, **limits) -> str:
    with pytest.raises(DataError) as caught:
        read_tree(path, limits=Limits(**limits))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.where == str(path) and diagnostic.rule in ("hdf5-file", "file")
    return diagnostic.detail.removeprefix("not a readable HDF5 file: ")


@pytest.mark.parametrize("isolated", [True, False])
def test_everything_that_is_read(path, isolated):
    arrays = {
        "f2": np.array([1.5], dtype="f2"),
        "f4": np.arange(6, dtype="<f4").reshape(2, 3),
        "big": np.arange(6, dtype=">f8"),
        "i1": np.array([[-1]], dtype="i1"),
        "u8": np.uint64(2**63),
        "bool": np.array([True, False]),
        "c8": np.array([1 + 2j], dtype="c8"),
        "none": np.zeros((0, 3)),
        "scalar": np.float32(0.25),
    }
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file[f"in/{name}"] = value
        file.create_dataset("zipped", data=np.ones((50, 3)), compression="gzip", shuffle=True)
        file["text"] = "grüß dich"
        file["bytes"] = np.bytes_("fixed")
        file["names"] = [["a", "ä"], ["", "c"]]
        file["fixed"] = np.array([b"x", b"yy"])
        file["empty"] = h5py.Empty("f8")
        file.attrs.update(dt=1e-3, n=3, kind="spikes")
    tree = read_tree(path, isolated=isolated)
    for name, value in arrays.items():
        found = tree["in"][name]
        np.testing.assert_array_equal(found, value)
        assert np.asarray(found).shape == value.shape
        assert np.asarray(found).dtype == value.dtype.newbyteorder("<")
    assert tree["zipped"].sum() == 150
    assert (tree["text"], tree["bytes"], tree["empty"]) == ("grüß dich", "fixed", None)
    assert tree["names"].tolist() == [["a", "ä"], ["", "c"]]
    assert tree["fixed"].tolist() == ["x", "yy"]
    assert tree.attrs == {"dt": 1e-3, "n": 3, "kind": "spikes"}
    assert tree["in"].attrs == {}


def test_huge_dimensions_are_refused_before_anything_is_read(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a/b", shape=(10**6, 10**6), chunks=(100, 100), dtype="f8")
    assert refused(path) == "a/b declares 7.28 TiB; 66.4 MiB in all are read"


def test_many_datasets_share_one_bound(path):
    with h5py.File(path, "w") as file:
        for i in range(9):
            file.create_dataset(f"d{i}", shape=(1 << 20,), chunks=(1 << 10,), dtype="f8")
    assert refused(path, array_bytes=64 << 20) == "d8 declares 8 MiB; 64 MiB in all are read"


def test_huge_chunks_and_texts(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(1,), maxshape=(None,), chunks=(1 << 28,), dtype="f8")
    assert "has chunks of (268435456,)" in refused(path)
    with h5py.File(path, "w") as file:
        file["a"] = ["x" * 1000] * 100
    assert "text of more than 97.7 KiB" in refused(path, array_bytes=100_000)


def test_depth_and_number_of_objects(path):
    with h5py.File(path, "w") as file:
        for i in range(20):
            file.create_group(f"g{i}")
        file.create_group("/".join("x" * 30))
    assert refused(path, objects=10).startswith("g17 is object number 11")
    assert "lies more than 20 groups deep" in refused(path, depth=20)


def test_links_and_cycles(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.ones(3)

    def with_link(make):
        with h5py.File(path, "w") as file:
            make(file.create_group("g"))
        return refused(path)

    def hard_cycle(group):
        group["again"] = group

    def soft(group):
        group["to"] = h5py.SoftLink("/g")

    def external(group):
        group["to"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/secret")

    def shared(group):
        group["a"] = np.ones(3)
        group["b"] = group["a"]

    assert with_link(hard_cycle) == "g/again is an object that stands under another name, too"
    assert with_link(soft) == "g/to is a link to another object or file"
    assert with_link(external) == "g/to is a link to another object or file"
    assert with_link(shared) == "g/b is an object that stands under another name, too"


def test_data_in_other_files_is_not_opened(path, tmp_path):
    (tmp_path / "raw.bin").write_bytes(np.ones(4).tobytes())
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(4,), dtype="f8", external=[(tmp_path / "raw.bin", 0, 32)])
    assert refused(path) == "a has its data in another file"
    layout = h5py.VirtualLayout((4,), dtype="f8")
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "d", (4,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("a", layout)
    assert refused(path) == "a has its data in another file"


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        (np.dtype([("a", "f8"), ("b", "i4")]), "numbers and text are read"),
        (h5py.ref_dtype, "numbers and text are read"),
        (h5py.vlen_dtype(np.float64), "numbers and text are read"),
        (np.dtype("V8"), "numbers and text are read"),
    ],
)
def test_types(path, dtype, words):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(2,), dtype=dtype)
    assert words in refused(path)


def test_names_and_texts_that_are_no_text(path):
    with h5py.File(path, "w") as file:
        file["a"] = np.bytes_(b"\xff\xfe")
    assert refused(path) == "a is no UTF-8 text"
    with h5py.File(path, "w") as file:
        h5py.h5g.create(file.id, b"\xff")
    assert "which is no text" in refused(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.ones(3))
        file["t"] = np.dtype("f8")
    assert refused(path) == "t is neither a group nor a dataset"


def test_what_is_no_hdf5(path, tmp_path):
    path.write_bytes(b"")
    assert refused(path) == "is empty"
    path.write_bytes(b"hello" * 1000)
    assert refused(path) == "it is no HDF5 file"
    with pytest.raises(DataError, match=r"\[file\]: there is no such file"):
        read_tree(tmp_path / "none.h5")
    with pytest.raises(DataError, match=r"\[file\]: is a folder"):
        read_tree(tmp_path)


def hanging_file(path) -> None:
    """A symbol table whose B-tree is its own right sibling."""
    with h5py.File(path, "w") as file:
        for name in "abc":
            file[name] = np.ones(3)
    content = bytearray(path.read_bytes())
    tree = content.index(b"TREE")
    content[tree + 16 : tree + 24] = tree.to_bytes(8, "little")
    path.write_bytes(bytes(content))


def good_file(path) -> None:
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(3)


def test_a_hanging_library_is_given_up(path):
    hanging_file(path)
    assert refused(path, seconds=0.5) == "reading takes longer than 0.5 s"
    good_file(path)
    assert read_tree(path)["a"].sum() == 3


def test_a_file_for_which_there_is_no_memory_here(path, monkeypatch):
    good_file(path)

    def no_memory(*_, **__):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(hdf5.np, "empty", no_memory)
        assert refused(path) == "it does not fit into memory"
    assert read_tree(path)["a"].sum() == 3


def test_one_reader_serves_and_is_replaced_when_it_dies(path):
    good_file(path)
    read_tree(path)
    first = reader_pid()
    read_tree(path)
    assert reader_pid() == first
    os.kill(first, signal.SIGKILL)
    assert read_tree(path)["a"].sum() == 3
    assert reader_pid() != first


def test_a_changed_file_is_read_anew(path):
    """Damage must leave nothing open by which the library would know the file again."""
    good_file(path)
    original = path.read_bytes()
    for place in range(0, len(original), 97):
        path.write_bytes(original[:place] + b"\xff" + original[place + 1 :])
        try:
            read_tree(path, limits=Limits(seconds=2))
        except DataError:
            path.write_bytes(original)
            assert read_tree(path)["a"].tolist() == [1, 1, 1]


def test_threads_share_the_reader(path):
    from concurrent.futures import ThreadPoolExecutor

    with h5py.File(path, "w") as file:
        file["a"] = np.arange(100_000)
    with ThreadPoolExecutor(4) as pool:
        sums = list(pool.map(lambda _: int(read_tree(path)["a"].sum()), range(12)))
    assert sums == [4999950000] * 12


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_has_a_reader_of_its_own(path):
    good_file(path)
    read_tree(path)
    pid = os.fork()
    if pid == 0:
        ok = hdf5._READERS.current is None and read_tree(path)["a"].sum() == 3
        hdf5._READERS.end()
        os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert read_tree(path)["a"].sum() == 3


def test_the_reader_ends_with_its_caller(path):
    """Killed without a word: while it waits, and in the midst of a file on which HDF5 hangs."""
    hanging_file(path)
    code = """
import os, sys, threading
from neurodeploy.ir import hdf5
reader = hdf5._READERS.current = hdf5._Reader()
print(reader._process.pid, flush=True)
if sys.argv[2] == "hang":
    threading.Timer(0.5, lambda: os.kill(os.getpid(), 9)).start()
    hdf5.read_tree(sys.argv[1], limits=hdf5.Limits(seconds=2))
os.kill(os.getpid(), 9)
"""
    for how in ("wait", "hang"):
        command = [sys.executable, "-c", code, path, how]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == -signal.SIGKILL
        deadline = time.monotonic() + 30
        while alive(int(done.stdout)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not alive(int(done.stdout))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_the_caller_s_folder_is_not_imported_from(path, tmp_path):
    good_file(path)
    (tmp_path / "h5py.py").write_text("open('imported', 'w')")
    (tmp_path / "json.py").write_text("open('imported', 'w')")
    hdf5._READERS.end()
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert read_tree("a.h5")["a"].sum() == 3
    finally:
        os.chdir(before)
    assert not (tmp_path / "imported").exists()
