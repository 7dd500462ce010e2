"""Neurons over many frames are snnTorch's, values and gradients."""

from __future__ import annotations

import pytest
import snntorch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from neurodeploy.zoo.models.chip_layers import lif, over_frames


def _step_by_step(neuron: snntorch.Leaky, drive: Tensor, output: int) -> Tensor:
    membrane = torch.zeros_like(drive[:, 0])
    frames = []
    for current in drive.unbind(1):
        result = neuron(current, membrane)
        membrane = result[1]
        frames.append(result[output].to(drive.dtype))
    return torch.stack(frames, dim=1)


@pytest.mark.parametrize("output", [0, 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@given(
    beta=st.floats(0.0, 1.0),
    slope=st.floats(0.5, 30.0),
    gain=st.floats(0.1, 3.0),
    frames=st.integers(1, 30),
    seed=st.integers(0, 2**32),
)
def test_spiking_neuron(
    output: int, dtype: torch.dtype, beta: float, slope: float, gain: float, frames: int, seed: int
) -> None:
    draws = torch.Generator().manual_seed(seed)
    drive = (gain * torch.randn(2, frames, 5, generator=draws)).to(dtype)
    drive[:, ::3] = drive[:, ::3].round()  # so that membranes meet the threshold itself
    _compare(lif(beta, slope), drive, output, draws)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(beta=st.floats(0.0, 1.0), frames=st.integers(1, 30), seed=st.integers(0, 2**32))
def test_readout(dtype: torch.dtype, beta: float, frames: int, seed: int) -> None:
    draws = torch.Generator().manual_seed(seed)
    drive = torch.randn(2, frames, 5, generator=draws).to(dtype)
    _compare(snntorch.Leaky(beta=beta, reset_mechanism="none"), drive, 1, draws)


def _compare(neuron: snntorch.Leaky, drive: Tensor, output: int, draws: torch.Generator) -> None:
    wanted = torch.randn(drive.shape, generator=draws).to(drive.dtype)
    results = []
    for run in (_step_by_step, over_frames):
        x = drive.clone().requires_grad_()
        out = run(neuron, x, output)
        out.backward(wanted)
        results.append((out.detach(), x.grad))
    (theirs, slopes), (ours, ours_slopes) = results
    assert torch.equal(theirs, ours)
    assert slopes.dtype == ours_slopes.dtype
    bound = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2}[drive.dtype]
    torch.testing.assert_close(
        ours_slopes, slopes, rtol=bound, atol=bound * float(slopes.abs().max())
    )


def test_subtraction_is_refused() -> None:
    with pytest.raises(AssertionError, match="subtract"):
        over_frames(snntorch.Leaky(beta=0.5), torch.zeros(1, 2, 3), 0)
