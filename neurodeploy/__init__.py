"""NeuroDeploy: spiking networks from PyTorch to Loihi-class chips, with nothing changed in silence.

The verbs are imported on first use, so that `import neurodeploy` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_VERBS = {
    "to_nir": "neurodeploy.pipeline",
    "compile": "neurodeploy.pipeline",
    "run": "neurodeploy.pipeline",
    "read_netx": "neurodeploy.frontends.netx",
    "write_netx": "neurodeploy.pipeline",
    "load": "neurodeploy.pipeline",
    "fit": "neurodeploy.pipeline",
    "interpret": "neurodeploy.pipeline",
    "flatten": "neurodeploy.ir.flatten",
    "verify": "neurodeploy.agreement",
    "diff": "neurodeploy.agreement",
    "examine": "neurodeploy.agreement",
    "read_nir": "neurodeploy.ir.files",
    "write_nir": "neurodeploy.ir.files",
    "read_program": "neurodeploy.ir.files",
    "write_program": "neurodeploy.ir.files",
    "read_nir_data": "neurodeploy.ir.files",
    "write_trace": "neurodeploy.ir.files",
    "load_hardware": "neurodeploy.hardware",
    "compare": "neurodeploy.bench.compare",
    "run_comparison": "neurodeploy.bench.comparison",
    "cut": "neurodeploy.hybrid",
    "compile_hybrid": "neurodeploy.hybrid",
    "run_hybrid": "neurodeploy.hybrid",
    "read_hybrid": "neurodeploy.hybrid",
    "write_hybrid": "neurodeploy.hybrid",
    "count_ops": "neurodeploy.bench.counting.torch_counter",
    "count_graph": "neurodeploy.bench.counting.graphs",
    "count_trace": "neurodeploy.bench.counting.programs",
    "neurobench_metrics": "neurodeploy.bench.counting.neurobench",
    "write_report": "neurodeploy.report",
}

__all__ = sorted(_VERBS)

if TYPE_CHECKING:
    from neurodeploy.agreement import diff as diff
    from neurodeploy.agreement import examine as examine
    from neurodeploy.agreement import verify as verify
    from neurodeploy.bench.compare import compare as compare
    from neurodeploy.bench.comparison import run_comparison as run_comparison
    from neurodeploy.bench.counting.graphs import count_graph as count_graph
    from neurodeploy.bench.counting.neurobench import neurobench_metrics as neurobench_metrics
    from neurodeploy.bench.counting.programs import count_trace as count_trace
    from neurodeploy.bench.counting.torch_counter import count_ops as count_ops
    from neurodeploy.frontends.netx import read_netx as read_netx
    from neurodeploy.hardware import load_hardware as load_hardware
    from neurodeploy.hybrid import compile_hybrid as compile_hybrid
    from neurodeploy.hybrid import cut as cut
    from neurodeploy.hybrid import read_hybrid as read_hybrid
    from neurodeploy.hybrid import run_hybrid as run_hybrid
    from neurodeploy.hybrid import write_hybrid as write_hybrid
    from neurodeploy.ir.files import read_nir as read_nir
    from neurodeploy.ir.files import read_nir_data as read_nir_data
    from neurodeploy.ir.files import read_program as read_program
    from neurodeploy.ir.files import write_nir as write_nir
    from neurodeploy.ir.files import write_program as write_program
    from neurodeploy.ir.files import write_trace as write_trace
    from neurodeploy.ir.flatten import flatten as flatten
    from neurodeploy.pipeline import compile as compile
    from neurodeploy.pipeline import fit as fit
    from neurodeploy.pipeline import interpret as interpret
    from neurodeploy.pipeline import load as load
    from neurodeploy.pipeline import run as run
    from neurodeploy.pipeline import to_nir as to_nir
    from neurodeploy.pipeline import write_netx as write_netx
    from neurodeploy.report import write_report as write_report


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'neurodeploy' has no attribute {name!r}")
    return getattr(importlib.import_module(_VERBS[name]), name)
