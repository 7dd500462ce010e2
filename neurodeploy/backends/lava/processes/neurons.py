"""Neuron processes: Lava's LIF, recorded; `SoftLIF` and `Integrator`, which Lava lacks.

All three run Lava's own `AbstractPyLifModelFixed`: its decays, widths, wrap and clip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed, PyLifModelBitAcc
from lava.proc.lif.process import AbstractLIF

from neurodeploy.backends.lava.processes.recording import Recorded


class RecordedLif(Recorded, PyLifModelBitAcc):
    """Lava's bit-accurate LIF, unchanged."""

    restarts = ("u", "v")


class SoftLIF(AbstractLIF):
    """LIF that subtracts `subtract` << 6 from v in the step after a spike, instead of a reset.

    u[t] = u[t-1] * (1-du) + a_in
    v[t] = v[t-1] * (1-dv) + u[t] + bias - subtract * s[t-1]
    s[t] = v[t] > vth
    """

    def __init__(self, *, vth: int, subtract: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vth = Var(shape=(1,), init=vth)
        self.subtract = Var(shape=(1,), init=subtract)
        self.spikes = Var(shape=kwargs["shape"], init=0)


@implements(proc=SoftLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLifModelFixed(Recorded, AbstractPyLifModelFixed):
    """Lava's sub-threshold dynamics; v saturates at 24 bits before and after the subtraction."""

    restarts = ("u", "v", "spikes")
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: int = LavaPyType(int, np.int32, precision=17)
    subtract: int = LavaPyType(int, np.int32, precision=17)
    spikes: Any = LavaPyType(np.ndarray, np.int32, precision=1)

    def scale_threshold(self) -> None:
        self.effective_vth = np.left_shift(self.vth, self.vth_shift)
        self.effective_subtract = np.left_shift(self.subtract, self.vth_shift)
        self.isthrscaled = True

    def subthr_dynamics(self, activation_in: Any) -> None:
        super().subthr_dynamics(activation_in)
        limit = self.max_uv_val - 1
        self.v[:] = np.clip(self.v - self.effective_subtract * self.spikes, -limit, limit)

    def spiking_activation(self) -> Any:
        return self.v > self.effective_vth

    def reset_voltage(self, spike_vector: Any) -> None:
        self.spikes[:] = spike_vector


class Integrator(AbstractLIF):
    """LIF without threshold: sends v as a graded 24-bit message."""


@implements(proc=Integrator, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyIntegratorModelFixed(Recorded, AbstractPyLifModelFixed):
    """Lava's sub-threshold dynamics alone."""

    restarts = ("u", "v")
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def scale_threshold(self) -> None:
        self.isthrscaled = True

    def spiking_activation(self) -> Any:
        return self.v.copy()

    def reset_voltage(self, spike_vector: Any) -> None:
        """Nothing is reset."""
