"""Synapse processes: Lava's models with a restart between samples, and a convolution with exponent
and delay, both of which Lava's `Conv` lacks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.conv.models import AbstractPyConvModel, PyConvModelFixed
from lava.proc.conv.process import Conv
from lava.proc.conv.utils import signed_clamp
from lava.proc.dense.models import PyDelayDenseModelBitAcc, PyDenseModelBitAcc
from lava.proc.sparse.models import PyDelaySparseModelBitAcc, PySparseModelBitAcc

from neurodeploy.backends.lava.processes.recording import Restarting


class RestartingDense(Restarting, PyDenseModelBitAcc):
    """Lava's bit-accurate Dense, unchanged."""

    restarts = ("a_buff",)


class RestartingDelayDense(Restarting, PyDelayDenseModelBitAcc):
    """Lava's bit-accurate DelayDense, unchanged."""

    restarts = ("a_buff",)


class RestartingSparse(Restarting, PySparseModelBitAcc):
    """Lava's bit-accurate Sparse, unchanged."""

    restarts = ("a_buff",)


class RestartingDelaySparse(Restarting, PyDelaySparseModelBitAcc):
    """Lava's bit-accurate DelaySparse, unchanged."""

    restarts = ("a_buff",)


class _Geometry32(Restarting):
    """Lava declares a convolution's geometry as int8, which numpy 2 does not widen: an image wider
    than 127, or more than 127 groups, fails there."""

    restarts: tuple[str, ...] = ("a_buf",)
    kernel_size: Any = LavaPyType(np.ndarray, np.int32)
    stride: Any = LavaPyType(np.ndarray, np.int32)
    padding: Any = LavaPyType(np.ndarray, np.int32)
    dilation: Any = LavaPyType(np.ndarray, np.int32)
    groups: Any = LavaPyType(np.ndarray, np.int32)


class RestartingConv(_Geometry32, PyConvModelFixed):
    """Lava's fixed-point Conv with its geometry in 32 bits."""


class DelayConv(Conv):
    """Conv whose sum is shifted by `weight_exp` and arrives `delay` steps after the spike.

    Lava's `Conv` takes a `weight_exp` and ignores it, and always arrives one step later.
    """

    def __init__(self, *, delay: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline = Var(shape=(delay, *self.output_shape), init=0)


@implements(proc=DelayConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyDelayConvModelFixed(_Geometry32, AbstractPyConvModel):
    """Lava's convolution; `pipeline` runs from the next sum to send to the newest one."""

    restarts = ("a_buf", "pipeline")
    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    a_buf: Any = LavaPyType(np.ndarray, np.int32, precision=24)
    weight: Any = LavaPyType(np.ndarray, np.int32, precision=8)
    pipeline: Any = LavaPyType(np.ndarray, np.int32, precision=24)

    def clamp_precision(self, x: Any) -> Any:
        exponent = int(self.weight_exp[0])
        return signed_clamp(x << exponent if exponent > 0 else x >> -exponent, bits=24)

    def run_spk(self) -> None:
        super().run_spk()
        self.pipeline[:-1] = self.pipeline[1:]
        self.pipeline[-1] = self.a_buf
        self.a_buf = self.pipeline[0].copy()
