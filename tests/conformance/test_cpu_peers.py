"""The benchmark's networks on snnTorch, and random Programs on Lava's models: the same integers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import networks
from neurodeploy.backends import cpu
from neurodeploy.backends.lava.routes import LAVA_NEEDS, missing

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["784-500-10", "recurrent-38"])
@pytest.mark.parametrize("activity", [0.1, 1.0])
def test_snntorch_sends_the_same_spikes(name, activity):
    pytest.importorskip("snntorch")
    from benchmarks.peers import snntorch

    program = networks.network(name, activity)
    x = networks.spikes(program, activity, 20, 2)
    runner = snntorch.prepare(program, x)
    runner.run()
    sent = cpu.run(program, x).output
    assert sent.any()
    np.testing.assert_array_equal(runner.read(), sent[len(sent) - len(x) :])


def test_random_programs_on_lavas_models(tmp_path):
    if missing(LAVA_NEEDS):
        pytest.skip("Lava is not installed")
    output = tmp_path / "soak.json"
    command = [sys.executable, "-m", "benchmarks.soak", "--programs", "10", "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (run,) = json.loads(output.read_text(encoding="utf-8"))
    assert run["counts"]["programs"] >= 10
    assert run["counts"]["integers"] > 10_000
    assert run["counts"].get("differing", 0) == 0
