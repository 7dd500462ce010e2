"""More than 500 damaged files: each gives a Program that verifies or an error of ours, within a
bounded time and memory, and leaves nothing in its folder."""

from __future__ import annotations

import shutil
import signal
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import nir
import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.backends import reference
from neurodeploy.errors import NeurodeployError
from neurodeploy.ir import hdf5
from neurodeploy.ir.files import read_inputs, write_program
from neurodeploy.ir.printer import print_program
from neurodeploy.ir.verify import verify_program
from neurodeploy.passes.quantize import Options
from neurodeploy.primitives import PRIMITIVES
from neurodeploy.resources import resource
from tests.property.damaged_files import byte_damage, content_damage, same_names
from tests.property.netx_files import write_random_file
from tests.unit.test_cli import run
from tests.unit.test_files import DT, fixed_program, small_graph
from tests.unit.test_nir_data import gridded, recording
from tests.unit.test_repair import graph, lif, paper_graph, port

LEAST = 500
MEMORY = 1 << 30
SECONDS = 60
SEED = 20260101
NETX = {"netx": (), "cuba": (2, 2), "sdnn": (1, 2)}  # written by us; as by slayer, convs and denses
KINDS = ("export", "small", "primitives", "nested", "program", "data", *NETX)


@contextmanager
def bounded():
    """A MemoryError for more than `MEMORY` bytes and an alarm after `SECONDS`, where the OS can."""
    if sys.platform != "linux":
        yield
        return
    import resource as limits

    used = (
        int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * limits.getpagesize()
    )
    old = limits.getrlimit(limits.RLIMIT_AS)

    def give_up(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS)
    limits.setrlimit(limits.RLIMIT_AS, (used + MEMORY, old[1]))
    try:
        yield
    finally:
        limits.setrlimit(limits.RLIMIT_AS, old)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def every_primitive() -> nir.NIRGraph:
    """A branch for each primitive, with its first example."""
    nodes, edges = {}, []
    for name, rule in PRIMITIVES.items():
        node, shape = rule.examples()[0]
        out = rule.output_shape(node, shape, name)
        nodes |= {f"in_{name}": port(nir.Input, *shape), name: node}
        nodes[f"out_{name}"] = port(nir.Output, *out)
        edges += [(f"in_{name}", name), (name, f"out_{name}")]
    return graph(nodes, edges)


def write_source(kind: str, folder) -> object:
    """An unharmed file."""
    names = {"program": "net.ndp", "data": "data.nir", **dict.fromkeys(NETX, "net.net")}
    path = folder / names.get(kind, "net.nir")
    if kind == "export":
        shutil.copy(resource("exports", "vad.nir"), path)
    elif kind == "program":
        write_program(path, fixed_program())
    elif kind == "netx":
        x = np.random.default_rng(0).integers(0, 2, size=(20, 4, 3))
        options = Options(form="netx")
        pipeline.write_netx(
            path, pipeline.compile(small_graph(), calibration=x, dt=DT, options=options).program
        )
    elif kind in NETX:
        convs, denses = NETX[kind]
        write_random_file(path, 17, kind, convs, denses)
    elif kind == "data":
        nir.write_data(path, recording(gridded().to_event(80)))
    else:
        made = {
            "small": small_graph,
            "primitives": every_primitive,
            "nested": lambda: paper_graph("lif"),
        }
        nir.write(path, made[kind](), compression=None if kind == "small" else "gzip")
    return path


def mutants(kind: str, path) -> list:
    rng = np.random.default_rng([SEED, len(kind)])
    sizes = {"export": (24, 16), "primitives": (12, 48), "cuba": (12, 72), "sdnn": (12, 56)}
    flips, changes = sizes.get(kind, (48, 56))
    return [*byte_damage(path.stat().st_size, rng, flips), *content_damage(path, rng, changes)]


def read(path) -> str:
    """The text of what is read; raises an error of ours."""
    if path.name.startswith("data"):
        program = pipeline.load(small_graph(), DT)
        return str(np.asarray(read_inputs(path, program)).tolist())
    program = pipeline.load(path, stated_dt(path))
    verify_program(program)
    inputs = {p.name: np.zeros((2, 1, *p.shape), dtype=int) for p in program.inputs}
    reference.run(program, inputs)
    return print_program(program)


def stated_dt(path) -> float | None:
    """What a user has to say of the file: .ndp states it, .net only if we wrote it."""
    if path.suffix == ".nir":
        return DT
    return DT if path.suffix == ".net" and b"neurodeploy" not in path.read_bytes() else None


@pytest.fixture(autouse=True)
def short_patience(monkeypatch):
    """HDF5 hangs on some: that is found out in a second of its work."""
    monkeypatch.setattr(hdf5, "LIMITS", hdf5.Limits(seconds=1.0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(kind, tmp_path, capsys):
    path = write_source(kind, tmp_path)
    original, expected = path.read_bytes(), read(path)
    outcomes: Counter[str] = Counter()
    for i, (name, damage) in enumerate(mutants(kind, path)):
        path.write_bytes(original)
        damage(path)
        try:
            with bounded():
                outcomes["equal" if read(path) == expected else "valid"] += 1
        except NeurodeployError as error:
            outcomes["refused" if is_clear(error) else "unclear"] += 1
        except Exception as error:
            raise AssertionError(f"{kind}, mutant {i}: {name}") from error
        if i % 8 == 0:
            on_the_command_line(path, capsys, name)
        assert [p.name for p in tmp_path.iterdir()] == [path.name], name
    path.write_bytes(original)
    assert read(path) == expected
    assert outcomes["refused"] > outcomes["valid"] and not outcomes["unclear"], outcomes


def is_clear(error: NeurodeployError) -> bool:
    """Places, rules and words; no Python type or address of ours shines through."""
    return bool(error.diagnostics) and all(
        d.where and d.rule and d.detail and "object at 0x" not in str(d) and "numpy" not in str(d)
        for d in error.diagnostics
    )


def chain(nodes: dict, *edges: str) -> nir.NIRGraph:
    """Input 2 and Output 2 around nodes; edges as `a>b`."""
    ports = {"input": port(nir.Input, 2), "output": port(nir.Output, 2)}
    return graph({**ports, **nodes}, [tuple(edge.split(">")) for edge in edges])


def deep(levels: int) -> nir.NIRGraph:
    inner = chain({"x": lif()}, "input>x", "x>output")
    for _ in range(levels):
        inner = chain({"x": inner}, "input>x", "x>output")
    return inner


def wide(size: int) -> nir.NIRGraph:
    ports = {"input": port(nir.Input, size), "output": port(nir.Output, size)}
    return graph({**ports, "a": lif(1)}, [("input", "a"), ("a", "output")])


LINEAR = nir.Linear(np.eye(2))
GRAPHS = {
    "a cycle without neurons": (
        chain({"a": LINEAR, "b": LINEAR}, "input>a", "a>b", "b>a", "b>output"),
        r"edge b -> a \[cycle\]: closes a cycle without neurons",
    ),
    "a self loop without neurons": (
        chain({"a": LINEAR}, "input>a", "a>a", "a>output"),
        r"edge a -> a \[cycle\]",
    ),
    "a self loop": (chain({"a": lif()}, "input>a", "a>a", "a>output"), ""),
    "a dangling edge": (
        chain({"a": lif()}, "input>a", "a>nowhere", "a>output"),
        r"edge a -> nowhere \[dangling-edge\]: no node is named 'nowhere'",
    ),
    "a double edge": (
        chain({"a": lif()}, "input>a", "input>a", "a>output"),
        r"edge input -> a \[double-edge\]: stands twice",
    ),
    "no way in": (chain({"a": lif()}, "a>output"), r"node a \[unreached\]"),
    "no way out": (chain({"a": lif()}, "input>a"), r"node output \[unreached\]"),
    "an edge into the Input": (
        chain({"a": lif()}, "input>a", "a>input", "a>output"),
        r"edge a -> input \[ports\]: leads into an Input",
    ),
    "nothing": (graph({}, []), r"graph \[ports\]: has no Input node"),
    "graphs in graphs": (deep(20), ""),
    "too many graphs in graphs": (deep(40), "groups deep"),
    "a size beyond all bounds": (wide(2**31 - 1), r"node input \[size\]: \(2147483647,\) are"),
    "a size in a nested graph beyond all bounds": (
        chain({"x": wide(2**31 - 1)}, "input>x", "x>output"),
        r"node x.input \[size\]: \(2147483647,\) are",
    ),
    "a size within the bounds": (wide(2**18), ""),
    "a padding beyond all bounds": (
        graph(
            {
                "input": port(nir.Input, 1, 2, 2),
                "a": nir.SumPool2d(*np.array([[1, 1], [1, 1], [10**9, 10**9]])),
                "output": port(nir.Output, 1, 2, 2),
            },
            [("input", "a"), ("a", "output")],
        ),
        r"node a \[size\]: padded to \(1, 2000000002, 2000000002\) are",
    ),
    "a window beyond all bounds": (
        graph(
            {
                "input": port(nir.Input, 1, 2, 2),
                "a": nir.SumPool2d(*np.array([[2 * 10**9] * 2, [1, 1], [0, 0]])),
                "output": port(nir.Output, 1, 2, 2),
            },
            [("input", "a"), ("a", "output")],
        ),
        r"node a \[shape\]: input \(1, 2, 2\) is smaller than the kernel",
    ),
    "a dilation beyond all bounds": (
        graph(
            {
                "input": port(nir.Input, 1, 4),
                "a": nir.Conv1d(4, np.ones((1, 1, 2)), 1, "same", 10**9 + 1, 1, np.zeros(1)),
                "output": port(nir.Output, 1, 4),
            },
            [("input", "a"), ("a", "output")],
        ),
        r"node a \[size\]: padded to \(1, 1000000006\) are",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_wrong_graph_is_refused(name, tmp_path, capsys):
    made, words = GRAPHS[name]
    nir.write(tmp_path / "net.nir", made)
    with bounded():
        if not words:
            assert read(tmp_path / "net.nir")
            return
        with pytest.raises(NeurodeployError, match=words):
            read(tmp_path / "net.nir")
    on_the_command_line(tmp_path / "net.nir", capsys, name)


def test_two_nodes_of_one_name(tmp_path):
    both = chain({"lif1": lif(), "lif2": lif()}, "input>lif1", "lif1>lif2", "lif2>output")
    nir.write(tmp_path / "net.nir", both, compression=None)
    same_names(tmp_path / "net.nir")
    with pytest.raises(NeurodeployError, match=r"node/nodes/lif1 (stands twice|is an object)"):
        read(tmp_path / "net.nir")


def on_the_command_line(path, capsys, name) -> None:
    folder = path.parent
    stated = stated_dt(path)
    dt = () if stated is None else ("--dt", stated)
    np.save(folder / "x.npy", np.zeros((2, 1, 3)))
    commands = [("inspect", path, *dt)]
    commands.append(("run", path, "--input", folder / "x.npy", *dt, "-o", folder / "t.npz"))
    if path.name.startswith("data"):
        nir.write(folder / "net.nir", small_graph())
        commands = [("run", folder / "net.nir", "--input", path, *dt, "-o", folder / "t.npz")]
    for command in commands:
        with bounded():
            code = run(*command)
        printed = capsys.readouterr()
        assert code in (0, 1, 2), (name, command[0])
        assert "Traceback" not in printed.err, (name, command[0])
        assert (code == 0) or "error: " in printed.err, (name, command[0])
    for other in folder.iterdir():
        if other != path:
            other.unlink()


def test_there_are_enough_of_them(tmp_path):
    counts = {kind: len(mutants(kind, write_source(kind, tmp_path))) for kind in KINDS}
    assert sum(counts.values()) >= LEAST, counts
