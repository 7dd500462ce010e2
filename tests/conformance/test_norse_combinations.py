"""Every class and option of Norse: exact over 8 × 250 steps, or refused by name."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

pytest.importorskip("torch")
norse = pytest.importorskip("norse.torch")
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.agreement import compare_torch  # noqa: E402
from neurodeploy.frontends.norse import replay  # noqa: E402
from tests.conformance.norse_table.combination import DT  # noqa: E402
from tests.conformance.norse_table.outcomes import COMBINATIONS, outcome  # noqa: E402

STEPS, SAMPLES = 250, 8


@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda c: f"{c.layer}: {c.option}")
def test_combination_is_exact_or_refused(combination):
    found = outcome(combination)
    if found.export is None:
        assert found.said
        assert found.said.startswith("Norse itself raises") or "; " in found.said  # has a hint
        return
    rng = np.random.default_rng(0)
    x = rng.normal(0.2, 1.0, size=(STEPS, SAMPLES, *combination.shape)) * combination.gain
    expected = replay(combination.module(), x)
    graph = found.export.graph
    meant = pipeline.interpret(graph, x, dt=DT)
    run = pipeline.run(graph, x, dt=DT, probe="all")
    spikes = 0.0
    for name in found.export.manifest["reset"]:
        graded = not np.isin(expected[name], (0.0, 1.0)).all()
        tolerance = 1e-12 * np.abs(expected[name]).max() if graded else 0.0
        assert np.abs(meant.nodes[name] - expected[name]).max() <= tolerance, name
        spikes += np.count_nonzero(expected[name])
    assert all(d.agrees for d in compare_torch(expected, run))
    assert spikes > 20
    assert np.abs(np.diff(expected["output"], axis=0)).any()


def test_table_has_every_class_of_norse():
    classes = {
        name
        for name, item in vars(norse).items()
        if inspect.isclass(item)
        and issubclass(item, nn.Module)
        and item.__module__.startswith("norse.torch.module.")
    }
    shown = {c.layer for c in COMBINATIONS}
    assert classes - shown == set()
