"""LIF processes that reset in other ways than Lava's: by subtraction, or with a lost step."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed

from neurodeploy.backends.lava.processes.neurons import Firing, FiringModel, Message


class SoftLIF(Firing):
    """LIF that subtracts `subtract` << 6 from v in the step after a spike, instead of a reset.

    u[t] = u[t-1] * (1-du) + a_in
    v[t] = v[t-1] * (1-dv) + u[t] + bias - subtract * s[t-1]
    s[t] = v[t] > vth
    """

    def __init__(self, *, subtract: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.subtract = Var(shape=kwargs["shape"], init=subtract)
        self.fired = Var(shape=kwargs["shape"], init=0)


class SoftLIFMembrane(SoftLIF):
    """SoftLIF that sends v as a graded 24-bit message."""


class SoftLIFMessage(SoftLIF):
    """SoftLIF that sends v / 64."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.y = Var(shape=kwargs["shape"], init=0)


class _Soft(FiringModel, AbstractPyLifModelFixed):
    """Lava's sub-threshold dynamics; v saturates at 24 bits before and after the subtraction."""

    restarts = ("u", "v", "fired")
    subtract: Any = LavaPyType(np.ndarray, np.int32, precision=17)
    fired: Any = LavaPyType(np.ndarray, np.int32, precision=1)

    def scale_threshold(self) -> None:
        super().scale_threshold()
        self.effective_subtract = np.left_shift(self.subtract, self.vth_shift)

    def subthr_dynamics(self, activation_in: Any) -> None:
        super().subthr_dynamics(activation_in)
        limit = self.max_uv_val - 1
        self.v[:] = np.clip(self.v - self.effective_subtract * self.fired, -limit, limit)

    def reset_voltage(self, spike_vector: Any) -> None:
        self.fired[:] = self.v > self.effective_vth


@implements(proc=SoftLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLifModelFixed(_Soft):
    """Sends the spikes."""


@implements(proc=SoftLIFMembrane, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLifMembraneModelFixed(_Soft):
    """Sends v."""

    def spiking_activation(self) -> Any:
        return self.v.copy()


@implements(proc=SoftLIFMessage, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLifMessageModelFixed(Message, _Soft):
    """Sends y."""


class SoftLIFAtOnce(Firing):
    """LIF that subtracts its threshold in the step of the spike.

    u[t] = u[t-1] * (1-du) + a_in
    w[t] = v[t-1] * (1-dv) + u[t] + bias
    s[t] = w[t] - vth * (v[t-1] > vth) > vth
    v[t] = w[t] - vth * s[t]
    """


class SoftLIFAtOnceMembrane(Firing):
    """SoftLIFAtOnce that sends v as a graded 24-bit message."""


class SoftLIFAtOnceMessage(Firing):
    """SoftLIFAtOnce that sends v / 64."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.y = Var(shape=kwargs["shape"], init=0)


class _AtOnce(FiringModel, AbstractPyLifModelFixed):
    """Lava's sub-threshold dynamics and a subtraction in their step."""

    def subthr_dynamics(self, activation_in: Any) -> None:
        owed = self.effective_vth * (self.v > self.effective_vth)
        super().subthr_dynamics(activation_in)
        self.fired = self.v - owed > self.effective_vth
        self.v[:] = self.v - self.effective_vth * self.fired

    def reset_voltage(self, spike_vector: Any) -> None:
        """It is done."""


@implements(proc=SoftLIFAtOnce, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLifAtOnceModelFixed(_AtOnce):
    """Sends the spikes."""

    def spiking_activation(self) -> Any:
        return self.fired


@implements(proc=SoftLIFAtOnceMembrane, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLifAtOnceMembraneModelFixed(_AtOnce):
    """Sends v."""

    def spiking_activation(self) -> Any:
        return self.v.copy()


@implements(proc=SoftLIFAtOnceMessage, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLifAtOnceMessageModelFixed(Message, _AtOnce):
    """Sends y."""


class RefractoryLIF(Firing):
    """LIF whose v is 0, whatever comes in, in the step after a spike."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spikes = Var(shape=kwargs["shape"], init=0)


@implements(proc=RefractoryLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRefractoryLifModelFixed(FiringModel, AbstractPyLifModelFixed):
    """Lava's sub-threshold dynamics; the reset also where a spike was sent a step before."""

    restarts = ("u", "v", "spikes")
    spikes: Any = LavaPyType(np.ndarray, np.int32, precision=1)

    def spiking_activation(self) -> Any:
        return (self.v > self.effective_vth) & (self.spikes == 0)

    def reset_voltage(self, spike_vector: Any) -> None:
        self.v[(self.v > self.effective_vth) | (self.spikes != 0)] = 0
        self.spikes[:] = spike_vector
