"""Random netx files: what we read runs as lava-dl's own Network of the same file does on Lava."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurodeploy.backends import lava
from neurodeploy.errors import QuantizationError
from neurodeploy.frontends.netx import read_netx
from tests.fuzz import examples
from tests.netx_on_lava import assert_lava_computes_the_same
from tests.property.netx_files import write_random_file

pytest.importorskip("torch", reason="lava-dl's loader needs torch")
STEPS = 12


@settings(max_examples=examples(12), deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["cuba", "cuba", "sdnn"]),
    convs=st.integers(0, 2),
    denses=st.integers(1, 3),
)
def test_a_file_runs_here_as_lava_dl_runs_it_on_lava(
    session: lava.Session, tmp_path_factory: Any, seed: int, kind: str, convs: int, denses: int
) -> None:
    path: Path = tmp_path_factory.mktemp("netx") / "random.net"
    write_random_file(path, seed, kind, convs, denses)
    program = read_netx(path, dt=1e-3)
    rng = np.random.default_rng(seed)
    low, high = program.inputs[0].limits
    shape = (STEPS, 2, *program.inputs[0].shape)
    inputs = rng.integers(max(low, -60), min(high, 60) + 1, shape) * (rng.random(shape) < 0.6)
    try:
        assert_lava_computes_the_same(path, program, inputs, session)
    except QuantizationError:  # sums beyond Lava's integers: refused after the run
        assume(False)
