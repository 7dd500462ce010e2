"""What is known of a population before it is quantized, and what is said of it after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """Ranges in real arithmetic: per port (low, high, binary), per population the peak state."""

    ports: Mapping[str, tuple[float, float, bool]]
    peaks: Mapping[str, float]


@dataclass(frozen=True)
class LayerReport:
    """What rounding did to a population: relative errors and the head-room of its states.

    weight_error: root mean square of the weight error over that of the weights, per synapse;
    decay_error: largest |rounded - real| of du and dv; threshold_error: relative;
    headroom: 2^23 over the calibrated peak in integers.
    """

    name: str
    scale: float
    weight_error: Mapping[str, float]
    decay_error: float
    threshold_error: float
    headroom: float
