"""The deployable enhancer on a real recording: torch, standard NIR, integers and Lava agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.backends import reference  # noqa: E402
from neurodeploy.ir.files import write_program  # noqa: E402
from neurodeploy.zoo.audio.stft import StftConfig  # noqa: E402
from neurodeploy.zoo.data.clips import load_clips  # noqa: E402
from neurodeploy.zoo.denoisers import open_program  # noqa: E402
from neurodeploy.zoo.fine_tuning import FixedNetwork, fine_tune  # noqa: E402
from neurodeploy.zoo.fine_tuning.graph import tuned_graph  # noqa: E402
from neurodeploy.zoo.models.masking import MaskEnhancer, log_levels  # noqa: E402
from neurodeploy.zoo.models.spiking_s4_graph import to_graph  # noqa: E402
from neurodeploy.zoo.models.spiking_s4_loihi import (  # noqa: E402
    Norm,
    SpikingS4Loihi,
    SpikingS4LoihiConfig,
    over_frames,
)
from neurodeploy.zoo.models.write_spiking_s4 import write_calibration  # noqa: E402

STFT = StftConfig(shape="sqrt_hann")


@pytest.fixture(scope="module")
def model() -> MaskEnhancer:
    """Untrained, but with norms that have seen the recordings, so that neurons fire."""
    torch.manual_seed(0)
    network = SpikingS4Loihi(SpikingS4LoihiConfig(width=24, layers=2, state=6))
    model = MaskEnhancer(network, STFT, log_levels).double()
    for norm in model.modules():
        if isinstance(norm, Norm):
            norm.momentum = 1.0
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
            torch.nn.init.uniform_(norm.bias, -0.3, 0.3)
    audio = np.stack([clip.audio[:16_000] for clip in load_clips()])
    with torch.no_grad():
        model(torch.from_numpy(audio).double())
    return model.eval()


@pytest.fixture(scope="module")
def features(model: MaskEnhancer) -> Any:
    """(B, L, bins) of two recordings."""
    audio = np.stack([clip.audio[:12_000] for clip in load_clips()[:2]])
    return model.features(model.stft.analysis(torch.from_numpy(audio).double()).abs())


def by_step(features: Any) -> np.ndarray[Any, Any]:
    """(B, L, bins) -> (L, B, bins, 1)."""
    return features.numpy().transpose(1, 0, 2)[..., None]


@torch.no_grad()
def test_the_graph_has_the_networks_spikes_and_mask(model: MaskEnhancer, features: Any) -> None:
    program = pipeline.load(to_graph(model.network, STFT.dt), STFT.dt)
    assert [n.model for n in program.neurons].count("s4d") == 2
    trace = reference.run(program, by_step(features), probe="all")
    network = model.network
    x = over_frames(network.lif, network.norm(network.encoder(features)), 0)
    inner = over_frames(
        network.layers[0].lif1, network.layers[0].norm1(network.layers[0].ssm(x)), 0
    )
    for name, spikes in (("lif", x), ("lif1_1", inner)):
        assert 0.02 < spikes.mean() < 0.9
        assert np.array_equal(trace.states[f"{name}/s"][..., 0], spikes.numpy().transpose(1, 0, 2))
    wanted = network(features).numpy().transpose(1, 0, 2)
    assert np.abs(trace.output[..., 0] - wanted).max() < 1e-9


@pytest.mark.usefixtures("one_worker")
def test_integers_are_lavas(model: MaskEnhancer, features: Any) -> None:
    graph = to_graph(model.network, STFT.dt)
    inputs = by_step(features)[:40]
    fixed = pipeline.compile(graph, "loihi2", calibration=inputs, dt=STFT.dt).program
    ours = pipeline.run(fixed, inputs[:, :1], backend="cpu")
    lavas = pipeline.run(fixed, inputs[:, :1], backend="lava")
    assert np.array_equal(ours.output, lavas.output) and np.unique(ours.output).size > 100
    real = pipeline.run(pipeline.load(graph, STFT.dt), inputs[:, :1], backend="reference")
    error = ours.real(fixed.outputs[0]) - real.output
    assert np.abs(error).mean() < 0.2 * np.abs(real.output).mean()


def test_fine_tuning_runs_these_integers_and_lowers_the_loss(
    model: MaskEnhancer, features: Any, tmp_path: Path
) -> None:
    graph = to_graph(model.network, STFT.dt)
    inputs = by_step(features)[:40]
    compiled = pipeline.to_integers(
        pipeline.load(graph, STFT.dt), pipeline.chip_of("loihi2"), inputs
    )
    network = FixedNetwork(compiled.program, compiled.real)
    simulated = pipeline.run(compiled.program, inputs, backend="cpu", probe="all")
    ours = network.integers(inputs)
    for neuron in compiled.program.neurons:
        state = {"s4d": "y", "integrator": "v"}.get(neuron.model, "s")
        wanted = simulated.states[f"{neuron.name}/{state}"]
        assert np.array_equal(ours[neuron.name].detach().numpy(), wanted), neuron.name
    target = 0.5 * network.run(inputs)[compiled.program.outputs[0]].detach()
    tuned = fine_tune(
        graph, [(inputs, target)], lambda o, t: (o - t).square().mean(),
        calibration=inputs, dt=STFT.dt, epochs=5, lr=1e-3,
    )  # fmt: skip
    assert tuned.losses[-1] < 0.8 * tuned.losses[0]
    trained = tuned.network.integers(inputs)[tuned.program.outputs[0]].detach().numpy()
    write_program(tmp_path / "tuned.ndp", tuned.within_steps)
    write_calibration(tmp_path / "tuned.nir", inputs)
    at_once, late = (open_program(tmp_path / "tuned.ndp", name) for name in ("cpu", "lava"))
    assert (at_once.depth, late.depth) == (0, tuned.program.depth) and late.depth > 5
    for program in (at_once, late, tuned.program):
        assert np.array_equal(pipeline.run(program, inputs, backend="cpu").output, trained)
    again = tuned_graph(tuned, graph, dt=STFT.dt)
    assert not np.array_equal(again.nodes["decoder"].weight, graph.nodes["decoder"].weight)
    stands_for = pipeline.run(pipeline.load(again, STFT.dt), inputs, probe="all")
    wanted = pipeline.run(tuned.real, inputs, probe="all")
    assert np.abs(stands_for.output - wanted.output).max() < 1e-9
