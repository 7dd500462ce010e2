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
    "load": "neurodeploy.pipeline",
    "verify": "neurodeploy.agreement",
    "read_nir": "neurodeploy.ir.files",
    "write_nir": "neurodeploy.ir.files",
    "read_program": "neurodeploy.ir.files",
    "write_program": "neurodeploy.ir.files",
    "load_hardware": "neurodeploy.hardware",
    "compare": "neurodeploy.bench.compare",
    "write_report": "neurodeploy.report",
}

__all__ = sorted(_VERBS)

if TYPE_CHECKING:
    from neurodeploy.bench.compare import compare
    from neurodeploy.hardware import load_hardware
    from neurodeploy.ir.files import read_nir, read_program, write_nir, write_program
    from neurodeploy.pipeline import compile, load, run, to_nir
    from neurodeploy.report import write_report
    from neurodeploy.agreement import verify


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'neurodeploy' has no attribute {name!r}")
    return getattr(importlib.import_module(_VERBS[name]), name)
