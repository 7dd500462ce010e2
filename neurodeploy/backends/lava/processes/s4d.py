"""S4D in integers: Lava's own S4D process has a floating-point model only."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurodeploy.backends.lava.processes.recording import Recorded

INPUT_SHIFT = 6
FRACTION_BITS = 22
LARGEST = (1 << 23) - 1


class S4D(AbstractProcess):
    """A complex state per neuron; a and c with 22 bits behind the point.

    z[t] = a z[t-1] + (a_in << 6);  y[t] = Re(c z[t]) >> 6, sent as a graded message
    """

    def __init__(self, *, shape: tuple[int, ...], **coefficients: Any) -> None:
        super().__init__(shape=shape, **coefficients)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.re = Var(shape=shape, init=0)
        self.im = Var(shape=shape, init=0)
        self.y = Var(shape=shape, init=0)
        self.a_re = Var(shape=shape, init=coefficients["a_re"])
        self.a_im = Var(shape=shape, init=coefficients["a_im"])
        self.c_re = Var(shape=shape, init=coefficients["c_re"])
        self.c_im = Var(shape=shape, init=coefficients["c_im"])


class _Types:
    """int64 holds the products of two 24-bit integers."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    re: Any = LavaPyType(np.ndarray, np.int64, precision=24)
    im: Any = LavaPyType(np.ndarray, np.int64, precision=24)
    y: Any = LavaPyType(np.ndarray, np.int64, precision=24)
    a_re: Any = LavaPyType(np.ndarray, np.int64, precision=24)
    a_im: Any = LavaPyType(np.ndarray, np.int64, precision=24)
    c_re: Any = LavaPyType(np.ndarray, np.int64, precision=24)
    c_im: Any = LavaPyType(np.ndarray, np.int64, precision=24)


class _Step(_Types, PyLoihiProcessModel):
    def run_spk(self) -> None:
        a_in = self.a_in.recv().astype(np.int64) << INPUT_SHIFT
        re = _nearest(self.a_re * self.re - self.a_im * self.im, FRACTION_BITS) + a_in
        im = _nearest(self.a_im * self.re + self.a_re * self.im, FRACTION_BITS)
        self.re = np.clip(re, -LARGEST, LARGEST)
        self.im = np.clip(im, -LARGEST, LARGEST)
        y = self.c_re * self.re - self.c_im * self.im
        self.y = _nearest(y, FRACTION_BITS + INPUT_SHIFT)
        self.s_out_buff = self.y
        self.s_out.send(self.y.astype(np.int32))


def _nearest(x: Any, bits: int) -> Any:
    """x / 2^bits, halves up."""
    return (x + (1 << (bits - 1))) >> bits


@implements(proc=S4D, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyS4dModelFixed(Recorded, _Step):
    """The integers of `neurodeploy.ir.neurons.s4d`."""

    restarts = ("re", "im", "y")
