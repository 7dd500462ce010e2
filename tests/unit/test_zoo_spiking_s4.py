from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import snntorch  # noqa: E402
from snntorch import surrogate  # noqa: E402

from neurodeploy.bench.enhancer_macs import CLIP_FRAMES, frame_macs  # noqa: E402
from neurodeploy.zoo.models.enhancers import ENHANCERS  # noqa: E402
from neurodeploy.zoo.models.plif import Plif  # noqa: E402
from neurodeploy.zoo.models.s4d import S4D  # noqa: E402
from neurodeploy.zoo.models.spiking_s4 import SpikingS4, SpikingS4Config  # noqa: E402


@pytest.mark.parametrize(
    ("name", "count"),
    [("spiking_s4", 793_610), ("spiking_s4_plain", 530_442), ("s4_ann", 793_601)],
)
def test_parameters_are_those_of_the_publication(name: str, count: int) -> None:
    # s4_ann lacks the nine time constants
    assert sum(p.numel() for p in ENHANCERS[name]().parameters()) == count


@torch.no_grad()
def test_a_state_space_is_its_differential_equation() -> None:
    """x' = A x + u with u held over the step, by the matrix exponential of scipy."""
    from scipy.linalg import expm

    torch.manual_seed(0)
    ssm = S4D(3, 8).double()
    u = torch.randn(1, 40, 3, dtype=torch.float64)
    y = ssm(u)[0].numpy()
    for channel in range(3):
        poles = -ssm.log_decay[channel].exp().numpy() + 1j * ssm.frequency[channel].numpy()
        step = float(ssm.log_step[channel].exp())
        c = torch.view_as_complex(ssm.c[channel].contiguous()).numpy()
        system = np.zeros((len(poles) + 1, len(poles) + 1), dtype=complex)
        system[:-1, :-1], system[:-1, -1] = np.diag(poles), 1.0
        held = expm(step * system)
        x = np.zeros(len(poles), dtype=complex)
        for t, value in enumerate(u[0, :, channel].numpy()):
            x = (held @ np.append(x, value))[:-1]
            expected = 2 * (c @ x).real + float(ssm.d[channel]) * value
            assert abs(y[t, channel] - expected) < 1e-9


@torch.no_grad()
@pytest.mark.parametrize("spiking", [True, False])
def test_convolution_recurrence_and_network_step_agree(spiking: bool) -> None:
    torch.manual_seed(1)
    config = SpikingS4Config(bins=17, width=24, layers=2, spiking=spiking)
    network = SpikingS4(config).double()
    for layer in network.layers:  # as drawn, hardly a neuron would fire
        layer.emission[0].weight *= 8
    features = torch.randn(2, 75, 17, dtype=torch.float64) * 8
    whole = network(features)
    assert spiking is False or 0.05 < network.fire(network.encoder(features)).mean() < 0.95
    states, frames = None, []
    for t in range(features.shape[1]):
        o, states = network.step(features[:, t], states)
        frames.append(o)
    assert (torch.stack(frames, 1) - whole).abs().max() < 1e-9


def test_the_neuron_is_snntorchs_first_step_from_rest() -> None:
    x = torch.linspace(-40.0, 6.0, 4000, requires_grad=True)
    plif = Plif()
    torch.nn.init.constant_(plif.w, 0.7)
    leaky = snntorch.Leaky(
        beta=0.3, reset_mechanism="zero", spike_grad=surrogate.sigmoid(slope=4.0)
    )
    theirs, _ = leaky(torch.sigmoid(plif.w) * x, torch.zeros_like(x))
    ours = plif(x)
    assert torch.equal(ours, theirs) and 0 < ours.sum() < ours.numel()
    (gradient,) = torch.autograd.grad(ours.sum(), x)
    s = torch.sigmoid(4.0 * (torch.sigmoid(plif.w) * x - 1.0))
    expected = 4.0 * s * (1 - s) * torch.sigmoid(plif.w)
    assert (gradient - expected).abs().max() < 1e-6
    (published,) = torch.autograd.grad(theirs.sum(), x)
    near = x > -20.0  # below, theirs divides infinity by itself
    assert (gradient - published)[near].abs().max() < 1e-6


def test_operations_are_the_published_ones_in_the_published_convention() -> None:
    """1.50e9 "FLOPs" for 30 s (arXiv:2309.03641); the challenge's baseline has more, as it says."""
    plain = frame_macs(ENHANCERS["spiking_s4_plain"]().network)
    assert plain.linear == 393_728
    assert plain.published * CLIP_FRAMES == pytest.approx(1.496e9, rel=1e-3)
    assert plain.counted - plain.linear == 4 * (256 * 32 * 8 + 256)
    baseline = frame_macs(ENHANCERS["sdnn_baseline"]().network)
    assert baseline.published * CLIP_FRAMES == pytest.approx(1.97e9, rel=1e-3)
