"""The deployable vocoder as a stream of integers is the Program and torch's inverse transform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.bench import vocoding  # noqa: E402
from neurodeploy.bench.vocoder_energy import integers_row, measured_row  # noqa: E402
from neurodeploy.errors import ConfigError, DataError  # noqa: E402
from neurodeploy.hardware import load_hardware  # noqa: E402
from neurodeploy.ir.files import write_program  # noqa: E402
from neurodeploy.zoo.audio.io import write_flac  # noqa: E402
from neurodeploy.zoo.chip_vocoder import ChipVocoderStream, open_chip_vocoder  # noqa: E402
from neurodeploy.zoo.data.clips import load_clips  # noqa: E402
from neurodeploy.zoo.data.manifest import Recording  # noqa: E402
from neurodeploy.zoo.data.speech import Speech  # noqa: E402
from neurodeploy.zoo.models.chip_layers import Norm  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos_graph import to_graph  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos_loihi import (  # noqa: E402
    SpikingVocosLoihiConfig,
    features_of,
    held,
    spiking_vocos_loihi,
)
from neurodeploy.zoo.models.vocoders import MEL_16K, VOCODERS  # noqa: E402
from neurodeploy.zoo.models.vocos import Vocoder, vocos  # noqa: E402
from neurodeploy.zoo.models.write_spiking_vocos import write_spiking_vocos  # noqa: E402
from neurodeploy.zoo.train.checkpoint import save_weights  # noqa: E402
from neurodeploy.zoo.train.chip_tuning import TuningRecipe  # noqa: E402
from neurodeploy.zoo.train.tune_spiking_vocos import tune  # noqa: E402
from neurodeploy.zoo.train.vocoder_losses import mel_fronts, mel_loss  # noqa: E402
from neurodeploy.zoo.train.vocoder_recipes import VocoderRecipe  # noqa: E402
from neurodeploy.zoo.train.vocoding import validation_audio  # noqa: E402
from neurodeploy.zoo.vocoder_stream import vocode_mel, vocode_stream  # noqa: E402

CONFIG = SpikingVocosLoihiConfig(MEL_16K, width=12, hidden=24, blocks=1, steps=2)
FRAMES = 21


@pytest.fixture(scope="module")
def audio() -> Any:
    return load_clips()[0].audio[: CONFIG.mel.hop * (FRAMES - 1)].astype(np.float32)


@pytest.fixture(scope="module")
def vocoder(audio: Any) -> Vocoder:
    torch.manual_seed(0)
    vocoder = spiking_vocos_loihi(CONFIG)
    for name, values in vocoder.named_parameters():
        if "norm" not in name and "head" not in name:
            torch.nn.init.normal_(values, std=0.2)
    for norm in vocoder.modules():
        if isinstance(norm, Norm):
            norm.momentum = 1.0
    with torch.no_grad():
        vocoder(vocoder.features(torch.from_numpy(audio[None])))
    return vocoder.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def levels(vocoder: Vocoder, audio: Any) -> Any:
    """(L T, 1, bands, 1), and the frames of silence after the end."""
    mel = vocoder.features(torch.from_numpy(audio[None]))
    features = torch.nn.functional.pad(features_of(mel), (0, CONFIG.ahead))
    return held(features, CONFIG.steps).numpy()


@pytest.fixture(scope="module")
def program(vocoder: Vocoder, levels: Any) -> Any:
    graph = to_graph(vocoder.backbone.chip)
    return pipeline.compile(graph, "loihi2", calibration=levels, dt=CONFIG.dt).program


@pytest.fixture(scope="module")
def wanted(vocoder: Vocoder, program: Any, levels: Any) -> Any:
    """The whole recording at once: aligned integers, then torch's istft."""
    y = pipeline.run(program, levels, backend="cpu").real("readout")[..., 0]
    y = y[CONFIG.steps - 1 :: CONFIG.steps, 0][CONFIG.ahead :]
    hidden = vocoder.backbone.norm(torch.from_numpy(y.astype(np.float32)))[None]
    return vocoder.head.synthesis(*vocoder.head.spectrum(hidden))[0].numpy()


def test_a_stream_is_the_whole_recording(
    vocoder: Vocoder, program: Any, wanted: Any, audio: Any
) -> None:
    assert np.abs(wanted).max() > 1e-3
    assert program.depth == 4  # x0, two neurons, readout: delayed readers do not make x0 late
    stream = ChipVocoderStream(vocoder, program)
    chunks = np.split(audio, [100, 1500, 1501, 2900])
    got = np.concatenate(list(vocode_stream(stream, chunks)))
    np.testing.assert_allclose(got, wanted, atol=1e-5)
    again = ChipVocoderStream(vocoder, program)
    mel = vocoder.features(torch.from_numpy(audio[None]))[0].T.numpy()
    np.testing.assert_allclose(np.concatenate(list(vocode_mel(again, mel, 4))), got, atol=1e-6)
    steps = FRAMES * CONFIG.steps + CONFIG.ahead * CONFIG.steps + program.depth
    assert stream.bytes_to_chip == again.bytes_to_chip == steps * 100
    assert stream.bytes_from_chip == (FRAMES + CONFIG.ahead) * CONFIG.width * 3
    assert stream.latency_s == pytest.approx((640 + 3 * 160) / 16_000 + 4 * CONFIG.dt)


def test_the_table_measures_the_integers(
    vocoder: Vocoder, program: Any, wanted: Any, audio: Any, tmp_path: Path
) -> None:
    """Those of a .ndp with the head of the weights beside it."""
    name = "spiking_vocos_loihi_small"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VOCODERS, name, lambda: spiking_vocos_loihi(CONFIG))
        save_weights(tmp_path / f"{name}.safetensors", vocoder)
        write_program(tmp_path / f"{name}_tuned.ndp", program)
        row = vocoding.systems([tmp_path / f"{name}_tuned.ndp"])[-1]
    assert row.name == f"{name}_tuned (fixed)"
    assert row.speak is not None
    made = row.speak(vocoder.features(torch.from_numpy(audio[None])))
    np.testing.assert_allclose(made[0].numpy(), wanted, atol=1e-5)
    found = vocoding.measure(row, [audio], ["pitch", "distillmos"])
    assert set(found["quality"]) >= {"mr_stft", "mel_l1"}  # too short for STOI
    assert found["times_real_time"] > 0


def test_rates_and_joules_of_the_integers(
    vocoder: Vocoder, program: Any, audio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "spiking_vocos_loihi_small"
    monkeypatch.setitem(VOCODERS, name, lambda: spiking_vocos_loihi(CONFIG))
    write_program(tmp_path / f"{name}.ndp", program)
    mel = vocoder.features(torch.from_numpy(audio[None]))
    chips = [load_hardware("loihi1")]
    row = integers_row(tmp_path / f"{name}.ndp", [mel], chips)
    inputs = held(features_of(mel), CONFIG.steps).numpy()
    run = pipeline.run(program, inputs, backend="reference", probe="all")
    fired = ("lif1_1", "lif1_2")
    shares = {n: (run.states[f"{n}/s"][: len(inputs)] != 0).mean() for n in fired}
    assert row["rates"] == pytest.approx(shares)
    assert any(e["energy_j"] > 0 for e in row["energy_per_s"])
    save_weights(tmp_path / f"{name}.safetensors", vocoder)
    with pytest.raises(ConfigError, match="integers are counted"):
        measured_row(tmp_path / f"{name}.safetensors", [mel], chips)


def test_recordings_are_the_ceiling(audio: Any) -> None:
    row = vocoding.systems([])[0]
    found = vocoding.measure(row, [audio], ["pitch", "distillmos"])["quality"]
    assert (row.name, found["mel_l1"]["mean"], found["mr_stft"]["mean"]) == ("recordings", 0, 0)


@pytest.mark.usefixtures("one_worker")
def test_lava_speaks_the_same(vocoder: Vocoder, program: Any, audio: Any) -> None:
    short = audio[: CONFIG.mel.hop * 8]
    ours, lavas = (
        np.concatenate(list(vocode_stream(ChipVocoderStream(vocoder, program, b), [short])))
        for b in ("cpu", "lava")
    )
    assert ours.size == short.size
    np.testing.assert_allclose(ours, lavas, rtol=0, atol=1e-7)  # one head, frames grouped otherwise


def test_the_loss_that_tuning_tells_is_that_of_the_speech_of_the_tuned_integers(
    vocoder: Vocoder, audio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VOCODERS, "tiny", lambda: spiking_vocos_loihi(CONFIG))
    weights = tmp_path / "tiny.safetensors"
    save_weights(weights, vocoder)
    write_flac(tmp_path / "clip.flac", audio)
    write_spiking_vocos(weights, [tmp_path / "clip.flac"], tmp_path)
    clip = Recording("clip", "speech", "train", "made", "clip", audio.size, "CC0-1.0")
    speech = Speech((clip,), lambda path: audio)
    recipe = TuningRecipe(steps=3, batch=2, seconds=0.1, lr=1e-3)
    rounded = open_chip_vocoder(vocoder, weights, "cpu")
    facts = tune(weights.with_suffix(".nir"), (speech, speech), tmp_path, recipe)
    tuned = open_chip_vocoder(vocoder, weights, "cpu")
    (heard,) = validation_audio(speech, VocoderRecipe())
    for word, stream in (("rounded", rounded), ("tuned", tuned)):
        spoken = np.concatenate(list(vocode_stream(stream, [heard])))
        both = (torch.from_numpy(x[None, : spoken.size]) for x in (spoken, heard))
        loss = mel_loss(*both, mel_fronts(16_000)).item()
        assert facts[f"mel_{word}"] == pytest.approx(loss, rel=1e-4)
    assert facts["mel_tuned"] != facts["mel_rounded"]


def test_what_does_not_belong_together_is_refused(
    vocoder: Vocoder, program: Any, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="is no chip's"):
        ChipVocoderStream(vocos(), program)
    with pytest.raises(ConfigError, match="cpu or lava"):
        ChipVocoderStream(vocoder, program, "gpu")
    wider = spiking_vocos_loihi(SpikingVocosLoihiConfig(MEL_16K, width=16, hidden=8, blocks=1))
    with pytest.raises(ConfigError, match="not this network's"):
        ChipVocoderStream(wider, program)
    with pytest.raises(DataError, match=r"neither x\.ndp nor x\.nir"):
        open_chip_vocoder(vocoder, tmp_path / "x.safetensors", "cpu")
