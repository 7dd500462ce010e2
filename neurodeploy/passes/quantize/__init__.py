"""Program(real) to Program(fixed), see `quantize.program`."""

from neurodeploy.passes.quantize.diagnosis import diagnosed
from neurodeploy.passes.quantize.layer import Calibration, LayerReport, reports_of, with_reports
from neurodeploy.passes.quantize.options import ARITHMETIC, Form, Objective, Options, Rounding
from neurodeploy.passes.quantize.ports import require_graded
from neurodeploy.passes.quantize.program import quantize

__all__ = [
    "ARITHMETIC",
    "Calibration",
    "Form",
    "LayerReport",
    "Objective",
    "Options",
    "Rounding",
    "diagnosed",
    "quantize",
    "reports_of",
    "require_graded",
    "with_reports",
]
