"""The spiking codec: its artificial twin where nothing spikes, its spikes, its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import snntorch
import soundfile
import torch

from neurodeploy.errors import ConfigError
from neurodeploy.zoo.audio.io import SAMPLE_RATE
from neurodeploy.zoo.codec.container import open_esc
from neurodeploy.zoo.codec.files import Rate, decode_file, encode_file
from neurodeploy.zoo.codec.weights import Codec, open_codec, save_codec
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import Esc, EscConfig
from neurodeploy.zoo.models.plif import SignedPlifSteps
from neurodeploy.zoo.models.spiking_esc import SignedSpikes, Spikes, bypassed, spiking_esc
from neurodeploy.zoo.train.codec import train
from neurodeploy.zoo.train.codec_recipes import RECIPES
from neurodeploy.zoo.train.spike_balance import fit
from tests.unit.test_zoo_codec_training import speech

SMALL = EscConfig(patch=(12, 2), channels=(6, 12, 12), heads=(3, 3), codes=1024, refined=4)


def pair(steps: int) -> tuple[Esc, Esc]:
    """Artificial and spiking, of equal weights; neurons that fire often."""
    torch.manual_seed(0)
    twin, student = Esc(SMALL), spiking_esc(SMALL, steps)
    student.load_state_dict(student.state_dict() | twin.state_dict())
    for module in student.encoder.modules():
        if isinstance(module, Spikes):
            module.gain.data *= 4.0
    return twin.eval(), student.eval()


@pytest.mark.parametrize("steps", [1, 2])
def test_without_spikes_it_is_its_twin(steps: int) -> None:
    twin, student = pair(steps)
    spectrum = twin.spectrum(torch.randn(2, 3200))
    with torch.no_grad(), bypassed(student):
        for ours, theirs in zip(student.encoder(spectrum), twin.encoder(spectrum), strict=True):
            torch.testing.assert_close(ours, theirs)
        assert torch.equal(student.encode(spectrum, 3), twin.encode(spectrum, 3))
    assert not torch.equal(student.encode(spectrum, 3), twin.encode(spectrum, 3))


def test_matrices_of_the_encoder_see_spikes_alone() -> None:
    _, student = pair(2)
    seen: dict[str, set[float]] = {}

    def watch(name: str) -> object:
        return lambda module, x, y: seen.setdefault(name, set()).update(x[0].unique().tolist())

    blocks = [name for name, m in student.encoder.named_modules() if isinstance(m, Spikes)]
    for name, module in student.encoder.named_modules():
        if name.endswith(("qkv", "attention.out", "mlp.0", "mlp.2")):
            module.register_forward_hook(watch(name))  # type: ignore[arg-type]
    student.encode(student.spectrum(torch.randn(1, 3200)), 3)
    assert len(seen) == 4 * 6 and len(blocks) == 7 * 6
    for name, values in seen.items():
        assert values <= ({0.0, 1.0} if name.endswith("mlp.2") else {-1.0, 0.0, 1.0}), name
    assert any(-1.0 in values for values in seen.values())


def test_signed_spikes_are_two_of_snntorchs_while_one_sign_rules() -> None:
    """Inputs that keep their sign: a neuron of snnTorch each for x and for -x."""
    x = 3.0 * torch.rand(4, 50) * torch.randn(50).sign()
    fired = SignedPlifSteps()(x)
    expected = []
    for sign in (1.0, -1.0):
        one = snntorch.Leaky(beta=0.5, threshold=1.0, reset_mechanism="zero", reset_delay=False)
        membrane, spikes = torch.zeros(50), []
        for now in x:
            spike, membrane = one(0.5 * sign * now, membrane)
            spikes.append(spike)
        expected.append(torch.stack(spikes))
    assert fired.abs().sum() > 20
    torch.testing.assert_close(fired, expected[0] - expected[1])


def test_gradients_pass_all_spikes() -> None:
    _, student = pair(2)
    student.train()
    features = student.encoder(student.spectrum(torch.randn(1, 3200)))
    torch.stack([f.square().mean() for f in features]).sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in student.encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_files(tmp_path: Path) -> None:
    """Coded in windows and decoded, by a model that the file names."""
    assert all(len(name.encode()) <= 16 for name in CODECS)
    _, student = pair(1)
    codec = Codec("spiking_esc_tiny", student)
    x = (0.1 * np.random.default_rng(0).standard_normal(7000)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", x, SAMPLE_RATE)
    encode_file(codec, tmp_path / "x.wav", tmp_path / "x.esc", Rate(3))
    with open_esc(tmp_path / "x.esc") as file:
        assert (file.header.model, file.header.model_hash) == ("spiking_esc_tiny", codec.hash)
    decode_file(codec, tmp_path / "x.esc", tmp_path / "y.wav")
    assert soundfile.info(tmp_path / "y.wav").frames == 7000


def test_neurons_are_balanced_as_the_best_quantizer() -> None:
    """Of a Gaussian in three levels, Max 1960 (doi 10.1109/TIT.1960.1057548): thresholds at 0.612,
    levels at 1.224 standard deviations, error 0.190."""
    torch.manual_seed(0)
    x, layer = 3.0 * torch.randn(100_000), SignedSpikes()
    with torch.no_grad():
        height = fit(layer, x, 1)
        error = (x - height * layer(x[None])[0]).square().mean()
    assert 2.0 / layer.gain.item() == pytest.approx(3.0 * 0.612, rel=0.13)  # a step of its grid
    assert height.item() == pytest.approx(3.0 * 1.224, rel=0.06)
    assert error.item() == pytest.approx(9.0 * 0.190, rel=0.03)


def test_two_steps_of_learning_from_a_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder moves, what the twin gave stays; without it, or with another, it is refused."""
    twin, _ = pair(1)
    monkeypatch.setitem(CODECS, "small", lambda: Esc(SMALL))
    monkeypatch.setitem(CODECS, "spiking_small", lambda: spiking_esc(SMALL, 1))
    weights = tmp_path / "small.safetensors"
    save_codec(weights, "small", twin)
    recipe = replace(
        RECIPES["spiking_esc_tiny"],
        network="spiking_small",
        twin="small",
        steps=2,
        batch=2,
        samples=3200,
        balancing_s=0.4,
        counting_s=0.2,
        validate_every=2,
        validation=1,
        validation_samples=6400,
    )

    def run(given: Path | None, name: str) -> dict[str, Any]:
        used = replace(recipe, twin=name)
        parts = (speech(0), speech(1))
        return train("spiking_small", parts, "d", tmp_path / "run", twin=given, recipe=used)

    for given, name in ((None, "small"), (weights, "esc_tiny")):
        with pytest.raises(ConfigError, match="twin"):
            run(given, name)
    last = run(weights, "small")["history"][-1]
    assert {"codes_as_twin_1", "codes_as_twin_3"} <= last["val"].keys()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert all(json.loads(line)["latents"] > 0 for line in lines) and len(lines) == 2
    codec = open_codec(tmp_path / "run" / "spiking_small.safetensors")
    trained, given_by = codec.network.state_dict(), twin.state_dict()
    kept = [n for n in given_by if n.startswith(("decoder", "quantizers"))]
    assert all(torch.equal(trained[n], given_by[n]) for n in kept) and kept
    assert not torch.equal(trained["encoder.patches.weight"], given_by["encoder.patches.weight"])
