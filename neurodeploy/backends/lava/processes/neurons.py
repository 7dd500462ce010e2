"""Neuron processes: Lava's LIF, recorded, and those that Lava lacks.

All of them run Lava's own `AbstractPyLifModelFixed`: its decays, widths, wrap and clip. Ours have
decays and thresholds for each neuron, where Lava's have one for all.
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

MESSAGE_SHIFT = 6


class RecordedLif(Recorded, PyLifModelBitAcc):
    """Lava's bit-accurate LIF, unchanged."""

    restarts = ("u", "v")


class Profiled(AbstractLIF):
    """`AbstractLIF` whose du and dv may differ from neuron to neuron."""

    def __init__(self, *, shape: tuple[int, ...], du: Any, dv: Any, **kwargs: Any) -> None:
        super().__init__(shape=shape, du=0, dv=0, **kwargs)
        self.du = Var(shape=shape, init=du)
        self.dv = Var(shape=shape, init=dv)


class ProfiledModel(Recorded):
    """Types of Lava's LIF model for arrays."""

    restarts: tuple[str, ...] = ("u", "v")
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    du: Any = LavaPyType(np.ndarray, np.int32, precision=12)
    dv: Any = LavaPyType(np.ndarray, np.int32, precision=12)


class FiringModel(ProfiledModel):
    """Fires where v > vth << 6."""

    vth: Any = LavaPyType(np.ndarray, np.int32, precision=17)
    vth_shift: int
    v: Any

    def scale_threshold(self) -> None:
        self.effective_vth = np.left_shift(self.vth, self.vth_shift)
        self.isthrscaled = True

    def spiking_activation(self) -> Any:
        return self.v > self.effective_vth


class Firing(Profiled):
    """A population with a threshold for each neuron."""

    def __init__(self, *, vth: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vth = Var(shape=kwargs["shape"], init=vth)


class ProfiledLIF(Firing):
    """Lava's LIF with a du, dv and vth for each neuron."""


@implements(proc=ProfiledLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyProfiledLifModelFixed(FiringModel, AbstractPyLifModelFixed):
    """Lava's sub-threshold dynamics and reset."""


class Message:
    """Sends y = v / 64 to the nearest, as what is held in 24 bits leaves none for weights."""

    v: Any
    y: Any = LavaPyType(np.ndarray, np.int32, precision=24)

    def spiking_activation(self) -> Any:
        self.y[:] = (self.v + (1 << (MESSAGE_SHIFT - 1))) >> MESSAGE_SHIFT
        return self.y.copy()


class Integrator(Profiled):
    """LIF without threshold: sends v as a graded 24-bit message."""


class IntegratorMessage(Integrator):
    """Integrator that sends v / 64."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.y = Var(shape=kwargs["shape"], init=0)


class _Integrating(ProfiledModel, AbstractPyLifModelFixed):
    """Lava's sub-threshold dynamics alone."""

    def scale_threshold(self) -> None:
        self.isthrscaled = True

    def reset_voltage(self, spike_vector: Any) -> None:
        """Nothing is reset."""


@implements(proc=Integrator, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyIntegratorModelFixed(_Integrating):
    """Sends v."""

    def spiking_activation(self) -> Any:
        return self.v.copy()


@implements(proc=IntegratorMessage, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyIntegratorMessageModelFixed(Message, _Integrating):
    """Sends y."""
