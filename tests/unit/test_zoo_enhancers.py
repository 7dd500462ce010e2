from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurodeploy.bench.enhancer_macs import frame_macs  # noqa: E402
from neurodeploy.bench.enhancer_work import count_enhancer  # noqa: E402
from neurodeploy.zoo.audio.log_levels import LogLevels  # noqa: E402
from neurodeploy.zoo.data.noisy_speech import Pair  # noqa: E402
from neurodeploy.zoo.models.enhancers import ENHANCERS  # noqa: E402
from neurodeploy.zoo.models.masking import log_levels  # noqa: E402
from neurodeploy.zoo.models.sdnn_baseline import (  # noqa: E402
    SdnnBaseline,
    SdnnConfig,
    delayed,
    hold,
    messages,
)
from neurodeploy.zoo.models.spiking_s4_loihi import (  # noqa: E402
    SpikingS4Loihi,
    SpikingS4LoihiConfig,
)
from neurodeploy.zoo.train.level import match_level  # noqa: E402


@pytest.mark.parametrize("name", ENHANCERS)
@torch.no_grad()
def test_enhancers_are_causal_up_to_their_window(name: str) -> None:
    torch.manual_seed(0)
    model = ENHANCERS[name]().eval()
    x = torch.randn(1, 4000) * 0.1
    changed = x.clone()
    changed[:, 2500:] = 0.0
    out, other = model(x), model(changed)
    assert out.audio.shape == x.shape and out.magnitude.shape[-1] == 257
    before = 2500 - model.stft.config.window
    assert (out.audio[:, :before] - other.audio[:, :before]).abs().max() < 1e-6
    assert (out.audio - other.audio).abs().max() > 1e-3


@pytest.mark.parametrize("name", ENHANCERS)
@torch.no_grad()
def test_networks_step_by_step_are_the_networks(name: str) -> None:
    torch.manual_seed(0)
    network = ENHANCERS[name]().double().eval().network
    for delay in getattr(network, "delays", []):
        torch.nn.init.uniform_(delay, 0.0, 9.0)
    features = torch.rand(2, 30, 257, dtype=torch.float64) * 4
    whole, states = network(features), None
    for t in range(30):
        o, states = network.step(features[:, t], states)
        assert (o - whole[:, t]).abs().max() < 1e-9
    assert whole.std() > 1e-3


@pytest.mark.parametrize("name", ["spiking_s4", "spiking_s4_loihi"])
@torch.no_grad()
def test_levels_are_matched_by_the_mask_alone(name: str) -> None:
    torch.manual_seed(0)
    model = ENHANCERS[name]().eval()
    noise, clean = np.random.default_rng(0).normal(size=(2, 16_000)).astype(np.float32) * 0.05
    pair = Pair(clean + noise, 3 * clean)
    before = model(torch.from_numpy(pair.noisy[None])).audio[0].numpy()
    gain = match_level(model, [pair])
    after = model(torch.from_numpy(pair.noisy[None])).audio[0].numpy()
    wanted = before * (before @ pair.clean / (before @ before))
    late = 3_000  # the read-out's average has settled
    assert gain > 1.2 and np.abs(after - wanted)[late:].max() < 1e-4


def sigma_delta(a: np.ndarray, theta: float) -> tuple[np.ndarray, int]:
    """The challenge's two processes, message by message: the sum at the receiver, messages sent."""
    total, residue, before, sent = np.zeros(a.shape[1]), 0.0, np.zeros(a.shape[1]), 0
    heard = []
    for value in a:
        difference = value - before + residue
        message = np.where(np.abs(difference) >= theta, difference, 0.0)
        before, residue = value, difference - message
        total = total + message
        sent += int((message != 0).sum())
        heard.append(total)
    return np.stack(heard), sent


@torch.no_grad()
def test_holding_is_sigma_after_delta() -> None:
    steps = np.random.default_rng(0).integers(-8, 9, size=(60, 5)) / 64  # exact in binary
    a = np.cumsum(steps, axis=0)
    heard, sent = sigma_delta(a, 6 / 64)
    ours = hold(torch.from_numpy(a)[None], 6 / 64)
    assert np.array_equal(ours[0].numpy(), heard)
    assert int(messages(ours).sum()) == sent > 0


def test_delays_shift_and_learn_by_the_difference() -> None:
    x = torch.cumsum(torch.ones(1, 12, 2), dim=1).double().requires_grad_()
    delay = torch.tensor([2.7, 0.0], dtype=torch.float64, requires_grad=True)
    y = delayed(x, delay)
    assert y[0, :, 0].tolist() == [0.0, 0.0, *range(1, 11)]
    assert torch.equal(y[0, :, 1], x[0, :, 1])
    y.sum().backward()
    assert delay.grad is not None and x.grad is not None
    assert delay.grad.tolist() == [-10.0, -12.0]  # later by a frame is smaller by 1, where it is
    assert x.grad[0, :, 0].tolist() == [1.0] * 10 + [0.0] * 2


def test_the_baseline_has_the_challenges_weights() -> None:
    model = SdnnBaseline()
    assert sum(layer.weight.numel() for layer in model.layers) == 525_312
    assert sum(d.numel() for d in model.delays) == 1_024
    weights = model.weight(1).detach() * 32
    assert torch.equal(weights, weights.round()) and weights.abs().max() <= 128


def test_delays_are_bounded_by_the_chip() -> None:
    model = SdnnBaseline(SdnnConfig(bins=3, hidden=4))
    torch.nn.init.constant_(model.delays[1], 500.0)
    features = torch.rand(1, 70, 3) * 9
    assert (model(features)[0, :62] == 0).all()


@torch.no_grad()
def test_norms_fold_into_the_linear_maps_before_them() -> None:
    torch.manual_seed(0)
    config = SpikingS4LoihiConfig(bins=9, width=12, layers=1, state=4)
    network = SpikingS4Loihi(config).double()
    network.train()
    features = torch.rand(3, 50, 9, dtype=torch.float64)
    network(features)  # sets the running statistics
    network.eval()
    layer = network.layers[0]
    x = torch.rand(3, 50, 12, dtype=torch.float64)
    wanted = layer.norm1(layer.ssm(x))
    gain, offset = layer.norm1.affine_map()
    layer.ssm.c.mul_(gain[:, None, None])
    layer.ssm.d.mul_(gain)
    assert (layer.ssm(x) + offset - wanted).abs().max() < 1e-9


@torch.no_grad()
def test_levels_are_the_same_for_tensors_and_arrays() -> None:
    magnitude = np.exp(np.random.default_rng(0).normal(size=2000) * 4)
    ours = LogLevels().features(magnitude)
    assert np.array_equal(ours, log_levels(torch.from_numpy(magnitude)).numpy())
    assert np.array_equal(ours * 256, np.round(ours * 256)) and 0 <= ours.min() <= ours.max() < 1


@torch.no_grad()
def test_events_are_counted_by_hand_and_by_count_enhancer() -> None:
    torch.manual_seed(0)
    model = ENHANCERS["spiking_s4"]()
    audio = (0.1 * np.random.default_rng(0).normal(size=4000)).astype(np.float32)
    record = count_enhancer(model, audio)
    features = model.features(model.stft.analysis(torch.from_numpy(audio[None])).abs())[0]
    x = model.network.fire(model.network.encoder(features))[None]
    spikes_out, values_out = 0, int((features != 0).sum()) * 256
    for layer in model.network.layers:
        spikes = layer.fire1(layer.ssm(x))
        from_x = int((x != 0).sum()) * 33  # the encoder's are binary, a layer norm's are not
        binary = bool(((x == 0) | (x == 1)).all())
        spikes_out += int(spikes.sum()) * 512 + binary * from_x
        values_out += 256 * 32 * len(features) + (not binary) * from_x
        x = layer(x)
    values_out += int((x != 0).sum()) * 257
    assert (record.effective_acs, record.effective_macs) == (spikes_out, values_out)
    updates = {row.name: row.updates for row in record.layers}
    assert sum(updates.values()) == record.steps * (9 * 256 + 4 * 256 * 32)
    linear = frame_macs(model.network).linear
    assert record.dense_macs == record.steps * (linear + 4 * 256 * (2 * 32 + 1))
    baseline = count_enhancer(ENHANCERS["sdnn_baseline"](), audio)
    assert sum(row.updates for row in baseline.layers) == 1281 * baseline.steps
    assert 0 < baseline.synaptic_operations < 525_312 * baseline.steps == baseline.dense_macs
