"""The deployable vocoder on real recordings: torch, standard NIR, integers and Lava agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.backends import reference  # noqa: E402
from neurodeploy.zoo.audio.mel import log_mel  # noqa: E402
from neurodeploy.zoo.data.clips import load_clips  # noqa: E402
from neurodeploy.zoo.fine_tuning import fine_tune  # noqa: E402
from neurodeploy.zoo.fine_tuning.graph import tuned_graph  # noqa: E402
from neurodeploy.zoo.models.chip_layers import Norm  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos_graph import to_graph  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos_loihi import (  # noqa: E402
    SpikingVocosLoihiConfig,
    features_of,
    spiking_vocos_loihi,
)
from neurodeploy.zoo.models.vocos import Vocoder  # noqa: E402

CONFIG = SpikingVocosLoihiConfig(width=16, hidden=32, blocks=2, steps=2)
DT = CONFIG.dt


@pytest.fixture(scope="module")
def mel() -> Any:
    """(B, bands, L) of two recordings."""
    audio = np.stack([clip.audio[:8_000] for clip in load_clips()[:2]])
    return log_mel(torch.from_numpy(audio).double())


@pytest.fixture(scope="module")
def model(mel: Any) -> Vocoder:
    """Untrained, but with norms that have seen the recordings, so that neurons fire."""
    torch.manual_seed(0)
    model = spiking_vocos_loihi(CONFIG).double()
    for name, values in model.named_parameters():
        if "norm" not in name and "head" not in name:
            torch.nn.init.normal_(values, std=0.2)
    for norm in model.modules():
        if isinstance(norm, Norm):
            norm.momentum = 1.0
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
            torch.nn.init.uniform_(norm.bias, -0.3, 0.3)
    with torch.no_grad():
        model(mel)
    return model.eval()


def by_step(mel: Any) -> np.ndarray[Any, Any]:
    """(B, bands, L) -> (L T, B, bands, 1): each frame held."""
    held = features_of(mel).permute(2, 0, 1).repeat_interleave(CONFIG.steps, dim=0)
    return held.numpy()[..., None]


@torch.no_grad()
def test_the_graph_is_the_networks_backbone(model: Vocoder, mel: Any) -> None:
    program = pipeline.load(to_graph(model.backbone.chip), DT)
    delays = sorted({s.delay for s in program.incoming("lif1_1")})
    assert delays == [CONFIG.steps * frames for frames in range(7)]
    trace = reference.run(program, by_step(mel), probe="all")
    rates = [trace.states[f"lif{b}_{k}/s"].mean() for b in (1, 2) for k in (1, 2)]
    assert all(0.02 < rate < 0.9 for rate in rates)
    heard = trace.output[CONFIG.steps - 1 :: CONFIG.steps, ..., 0]
    wanted = model.backbone.chip(features_of(mel)).transpose(0, 1)
    assert np.abs(heard - wanted.numpy()).max() < 1e-9


@torch.no_grad()
def test_no_frame_hears_more_than_it_says(model: Vocoder, mel: Any) -> None:
    frames, at = mel.shape[-1], 12
    changed = mel.clone()
    changed[..., at:] = -5.0
    difference = (model(changed).phase - model(mel).phase).abs().amax((0, 2))
    assert difference.shape == (frames,)
    assert difference[: at - CONFIG.ahead].max() == 0 < difference[at - CONFIG.ahead]


@pytest.mark.usefixtures("one_worker")
def test_integers_are_lavas(model: Vocoder, mel: Any) -> None:
    graph, inputs = to_graph(model.backbone.chip), by_step(mel)[:24]
    fixed = pipeline.compile(graph, "loihi2", calibration=inputs, dt=DT).program
    ours = pipeline.run(fixed, inputs[:, :1], backend="cpu")
    lavas = pipeline.run(fixed, inputs[:, :1], backend="lava")
    assert np.array_equal(ours.output, lavas.output) and np.unique(ours.output).size > 50
    real = pipeline.run(pipeline.load(graph, DT), inputs[:, :1], backend="reference")
    error = ours.real(fixed.outputs[0]) - real.output
    assert np.abs(error).mean() < 0.2 * np.abs(real.output).mean()


def test_all_weights_train_through_the_integers(model: Vocoder, mel: Any) -> None:
    graph, inputs = to_graph(model.backbone.chip), by_step(mel)[:30]
    target = 0.5 * torch.from_numpy(
        reference.run(pipeline.load(graph, DT), inputs).output
    ).to(torch.get_default_dtype())  # fmt: skip
    tuned = fine_tune(
        graph, [(inputs, target)], lambda y, t: (y - t).square().mean(),
        calibration=inputs, dt=DT, epochs=4, lr=1e-3,
    )  # fmt: skip
    assert tuned.losses[-1] < 0.9 * tuned.losses[0]
    before = {s.name: s.weight_values for s in tuned.compiled.real.synapses}
    still = {s.name for s in tuned.real.synapses if np.array_equal(s.weight_values, before[s.name])}
    assert still == {"x0->x1", "x1->readout"}  # the stream itself
    written = tuned_graph(tuned, graph, dt=DT)
    assert not np.array_equal(
        written.nodes["depthwise1_3"].weight, graph.nodes["depthwise1_3"].weight
    )
    again = pipeline.run(tuned.program, inputs, backend="cpu")
    out = tuned.network.run(inputs)["readout"].detach().numpy()
    assert np.abs(again.real("readout") - out).max() < 1e-6
