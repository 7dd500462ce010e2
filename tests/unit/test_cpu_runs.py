"""What surrounds the compiled kernel: its cache folder, interruption, memory over long input."""

from __future__ import annotations

import os
import runpy
import tracemalloc

import numpy as np
import pytest

from benchmarks import networks
from neurodeploy.backends import cpu
from neurodeploy.backends.cpu import compilation, simulation
from neurodeploy.backends.cpu.session import Session

PROGRAM = networks.network("recurrent-38", 0.1)


def test_the_cache_lies_where_it_can_be_written(tmp_path, monkeypatch):
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr(compilation.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = compilation.cache_folder()
    assert folder is not None and folder.parents[1] == tmp_path
    monkeypatch.setattr(compilation.tempfile, "gettempdir", lambda: str(blocked))
    assert compilation.cache_folder() is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners here")
def test_machine_code_of_others_is_not_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(compilation.tempfile, "gettempdir", lambda: str(tmp_path))
    owner = os.getuid()
    monkeypatch.setattr(compilation.os, "getuid", lambda: owner + 1)
    assert compilation.cache_folder() is None


def test_without_a_cache_folder_the_process_compiles_for_itself(monkeypatch):
    monkeypatch.setattr(compilation, "cache_folder", lambda: None)
    clear = compilation.compiled_helper.__wrapped__(compilation.kernel.clear)
    ones = np.ones(3, dtype=np.int32)
    clear(ones)
    assert not ones.any() and clear.stats.cache_path is None


def test_copies_of_the_same_source_share_their_machine_code(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "cache_folder", lambda: tmp_path)
    hits = []
    for place, text in (("a", "x + 1"), ("b", "x + 1"), ("c", "x + 2")):
        folder = tmp_path / place / "package"
        folder.mkdir(parents=True)
        (folder / "sums.py").write_text(f"def total(x):\n    return {text}\n")
        found = runpy.run_path(str(folder / "sums.py"), run_name="sums")["total"]
        compiled = compilation.compiled_helper.__wrapped__(found)
        assert compiled(5) == found(5)
        hits.append(sum(compiled.stats.cache_hits.values()))
    assert hits == [0, 1, 0]


def test_an_interrupted_run_leaves_a_session_between_two_stretches(monkeypatch):
    x = networks.spikes(PROGRAM, 0.1, 200, 1)
    kept = []

    class Interrupted(Session):
        def advance(self, inputs):
            if self.time >= simulation.FIRST_STEPS:
                raise KeyboardInterrupt
            kept.append(self)
            return super().advance(inputs)

    monkeypatch.setattr(simulation, "Session", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        cpu.run(PROGRAM, x)
    session = kept[0]
    rest = Session.advance(session, x[session.time :])
    whole = Session(PROGRAM)
    expected = whole.advance(x)
    (name,) = PROGRAM.outputs
    np.testing.assert_array_equal(rest[name], expected[name][-len(rest[name]) :])
    assert session.counts() == whole.counts()


def test_memory_does_not_grow_with_the_input(monkeypatch):
    """Beside what is recorded: ten times as many steps take as much room for their messages."""
    monkeypatch.setattr(simulation, "STRETCH_BYTES", 1 << 18)
    peaks = []
    for steps in (2_000, 20_000):
        x = np.broadcast_to(networks.spikes(PROGRAM, 0.1, 1, 1), (steps, 1, 38))
        tracemalloc.start()
        trace = cpu.run(PROGRAM, x)
        peaks.append(tracemalloc.get_traced_memory()[1] - trace.output.nbytes)
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
