"""The model of each process: ours in place of Lava's, and the search for all others made short.

Import after `compat.import_lava`.
"""

from __future__ import annotations

import sys
from typing import Any

from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.proc.conv.process import Conv
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.lif.process import LIF
from lava.proc.sdn.process import Delta, Sigma, SigmaDelta
from lava.proc.sparse.process import DelaySparse, Sparse

from neurodeploy.backends.lava.processes import neurons, sigma_delta, synapses

MODELS = {
    LIF: neurons.RecordedLif,
    SigmaDelta: sigma_delta.RecordedSigmaDelta,
    Delta: sigma_delta.RecordedDelta,
    Sigma: sigma_delta.RecordedSigma,
    Dense: synapses.RestartingDense,
    DelayDense: synapses.RestartingDelayDense,
    Sparse: synapses.RestartingSparse,
    DelaySparse: synapses.RestartingDelaySparse,
    Conv: synapses.RestartingConv,
}
_search_folders = ProcGroupDiGraphs._find_proc_models
_found: dict[type[Any], list[type[Any]]] = {}


def search_once() -> None:
    """For simulations: each class is looked for once, and where its own module has models, there.

    Lava executes every module in the folder of each process of each run, which takes it half as
    long as the run of a small network.
    """
    ProcGroupDiGraphs._find_proc_models = staticmethod(_models_of)


def _models_of(proc: Any) -> list[type[Any]]:
    kind = type(proc)
    if kind not in _found:
        own = sys.modules[kind.__module__]
        beside = ProcGroupDiGraphs._find_proc_models_in_module(proc, own)
        _found[kind] = beside or _search_folders(proc)
    return _found[kind]
