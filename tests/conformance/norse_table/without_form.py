"""Norse's layers that NIR has no form for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import norse.torch as norse
import torch
from norse.torch.module.encode import PoissonEncoderStep, SignedPoissonEncoderStep
from norse.torch.module.exp_filter import ExpFilter
from torch import nn

from tests.conformance.norse_table.combination import IMAGE, Combination, N

_SIZED = (norse.LIFRefracRecurrentCell, norse.LIFRefracRecurrent, norse.LIFAdExRecurrentCell)
_SIZED += (norse.LIFAdExRecurrent, norse.LIFAdExRefracRecurrentCell, norse.LIFAdExRefracRecurrent)
_SIZED += (norse.LIFExRecurrentCell, norse.LIFExRecurrent, norse.LSNNRecurrentCell)
_SIZED += (norse.LSNNRecurrent, norse.CobaLIFCell, norse.LIFMCRecurrentCell)
_SIZED += (norse.LIFMCRefracRecurrentCell, norse.LIFCorrelation, ExpFilter)
_PLAIN = (norse.LIFRefracCell, norse.LIFAdExCell, norse.LIFAdEx, norse.LIFAdExRefracCell)
_PLAIN += (norse.LIFExCell, norse.LIFEx, norse.LSNNCell, norse.LSNN)
_SPIKING = {"spiking_method": norse.tonic_spiking}
_FIELD = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
_SAMPLES = (torch.ones(1), torch.zeros(1), torch.ones(1), 0)
_OTHERS: dict[type[nn.Module], Callable[[], nn.Module]] = {
    norse.IzhikevichCell: lambda: norse.IzhikevichCell(**_SPIKING),
    norse.Izhikevich: lambda: norse.Izhikevich(**_SPIKING),
    norse.IzhikevichRecurrentCell: lambda: norse.IzhikevichRecurrentCell(N, N, **_SPIKING),
    norse.IzhikevichRecurrent: lambda: norse.IzhikevichRecurrent(N, N, **_SPIKING),
    norse.LConv2d: lambda: norse.LConv2d(1, 2, 3),
    norse.RegularizationCell: norse.RegularizationCell,
    norse.RecurrentSequential: lambda: norse.RecurrentSequential(nn.Linear(N, N), norse.LIFCell()),
    norse.ConstantCurrentLIFEncoder: lambda: norse.ConstantCurrentLIFEncoder(3),
    norse.PoissonEncoder: lambda: norse.PoissonEncoder(3),
    PoissonEncoderStep: PoissonEncoderStep,
    norse.PopulationEncoder: lambda: norse.PopulationEncoder(3),
    norse.SignedPoissonEncoder: lambda: norse.SignedPoissonEncoder(3),
    SignedPoissonEncoderStep: SignedPoissonEncoderStep,
    norse.SpikeLatencyEncoder: norse.SpikeLatencyEncoder,
    norse.SpikeLatencyLIFEncoder: lambda: norse.SpikeLatencyLIFEncoder(3),
    norse.SpikesToTimesDecoder: norse.SpikesToTimesDecoder,
    norse.SpatialReceptiveField2d: lambda: norse.SpatialReceptiveField2d(1, 3, _FIELD),
    norse.SampledSpatialReceptiveField2d: lambda: norse.SampledSpatialReceptiveField2d(
        1, 3, *_SAMPLES
    ),
    norse.ParameterizedSpatialReceptiveField2d: lambda: norse.ParameterizedSpatialReceptiveField2d(
        1, 3, *_SAMPLES
    ),
    norse.TemporalReceptiveField: lambda: norse.TemporalReceptiveField((1, 6, 6), 2),
}
_ON_IMAGES = (norse.LConv2d, norse.SpatialReceptiveField2d, norse.SampledSpatialReceptiveField2d)
_ON_IMAGES += (norse.ParameterizedSpatialReceptiveField2d, norse.TemporalReceptiveField)


def without_form() -> Iterator[Combination]:
    builds: dict[type[nn.Module], Callable[[], nn.Module]] = {k: k for k in _PLAIN}
    builds |= {k: lambda k=k: k(N, N) for k in _SIZED}
    for kind, build in {**builds, **_OTHERS}.items():
        shape = IMAGE if kind in _ON_IMAGES else (N,)
        yield Combination(kind.__name__, "any", build, shape)
