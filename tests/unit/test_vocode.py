from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("snntorch")

from neurodeploy.cli import main  # noqa: E402
from neurodeploy.zoo.audio.io import read_recording, write_audio  # noqa: E402
from neurodeploy.zoo.audio.mel import log_mel  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos import SpikingVocosConfig, spiking_vocos  # noqa: E402
from neurodeploy.zoo.models.vocoders import MEL_16K, VOCODERS  # noqa: E402
from neurodeploy.zoo.models.vocos import Vocoder, VocosConfig, vocos  # noqa: E402
from neurodeploy.zoo.train.checkpoint import save_weights  # noqa: E402
from neurodeploy.zoo.vocoder_stream import (  # noqa: E402
    MelStream,
    VocoderStream,
    vocode_mel,
    vocode_stream,
)

SIZE = {"mel": MEL_16K, "width": 32, "hidden": 48, "blocks": 2}


def lively(vocoder: Vocoder) -> Vocoder:
    """Untrained weights so large that neurons fire and phases turn."""
    torch.manual_seed(0)
    for parameter in vocoder.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return vocoder.eval()


def networks() -> list[Vocoder]:
    return [
        lively(make)
        for make in (vocos(VocosConfig(**SIZE)), spiking_vocos(SpikingVocosConfig(**SIZE)))
    ]


def recording(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).normal(size=samples)).astype(np.float32)


@pytest.mark.parametrize("samples", [321, 800, 3_999, 12_345])
def test_a_stream_in_any_pieces_is_the_whole_recording(samples: int) -> None:
    x = recording(samples)
    rng = np.random.default_rng(1)
    for vocoder in networks():
        with torch.no_grad():
            whole = vocoder(vocoder.features(torch.from_numpy(x[None]))).audio[0].numpy()
        assert whole.size == samples // 160 * 160
        for most in (100, 5_000):
            cuts = np.cumsum(rng.integers(1, most, size=samples))
            chunks = np.split(x, cuts[cuts < samples])
            streamed = np.concatenate(list(vocode_stream(VocoderStream(vocoder), chunks)))
            assert streamed.shape == whole.shape
            np.testing.assert_allclose(streamed, whole, atol=1e-3 * np.abs(whole).max())


def test_mel_frames_of_a_stream_are_those_of_the_recording() -> None:
    x = torch.from_numpy(recording(5_000))
    stream = MelStream(MEL_16K)
    pieces = [*(stream.push(piece) for piece in x.split(777)), stream.finish()]
    torch.testing.assert_close(torch.cat(pieces, dim=-1), log_mel(x[None], MEL_16K))
    reflected = torch.stft(
        x[None].double(), 640, 160, window=torch.hann_window(640).double(), return_complex=True
    )
    assert log_mel(x[None], MEL_16K).shape[-1] == reflected.shape[-1]


def test_mel_frames_in_are_samples_out() -> None:
    vocoder = networks()[0]
    mel = torch.randn(1, 100, 30)
    with torch.no_grad():
        whole = vocoder(mel).audio[0].numpy()
    out = np.concatenate(list(vocode_mel(VocoderStream(vocoder), mel[0].T.numpy(), frames=7)))
    assert out.size == 29 * 160
    np.testing.assert_allclose(out, whole, atol=1e-3 * np.abs(whole).max())


def test_no_sample_leaves_later_than_stated() -> None:
    vocoder = networks()[0]
    stream, x = VocoderStream(vocoder), recording(8_000)
    latency = round(stream.latency_s * 16_000)
    assert latency == 640 + 9 * 160
    heard = left = 0
    for hop in np.split(x, 50):
        heard, left = heard + hop.size, left + stream.hear(hop).size
        assert left > heard - latency - 160


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Untrained tiny networks of 16 and 24 kHz, and recordings."""
    tiny = {"width": 32, "hidden": 48, "blocks": 2}
    monkeypatch.setitem(VOCODERS, "vocos", lambda: lively(vocos(VocosConfig(**tiny))))
    monkeypatch.setitem(VOCODERS, "vocos_small", lambda: lively(vocos(VocosConfig(**SIZE))))
    for name in ("vocos", "vocos_small"):
        save_weights(tmp_path / f"{name}.safetensors", VOCODERS[name]())
    write_audio(tmp_path / "in.wav", recording(16_000))
    return tmp_path


def vocode(*options: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as done:
        main(["vocode", *options])
    assert done.value.code == code


def test_the_command_speaks_a_recording_and_its_mel_spectra_alike(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = ("--network", str(folder / "vocos_small.safetensors"), "--json")
    out, page = str(folder / "out.flac"), folder / "page.html"
    vocode(str(folder / "in.wav"), "-o", out, *network, "--page", str(page))
    facts = json.loads(capsys.readouterr().out)
    assert facts["audio_s"] == 1.0 and facts["algorithmic_latency_s"] == (640 + 9 * 160) / 16_000
    assert page.read_text().count("<audio") == 2 and "Vocoding" in page.read_text()
    heard, _ = read_recording(folder / "in.wav")
    mel = log_mel(torch.from_numpy(heard[None]), MEL_16K)[0].T.numpy()
    np.savez(folder / "mel.npz", input=mel)
    vocode(str(folder / "mel.npz"), "-o", str(folder / "again.flac"), *network)
    spoken, again = (read_recording(folder / name) for name in ("out.flac", "again.flac"))
    assert spoken[1] == again[1] == 16_000
    np.testing.assert_allclose(spoken[0], again[0], atol=2 / 32_768)


def test_a_network_of_another_rate_hears_and_speaks_at_it(folder: Path) -> None:
    network = str(folder / "vocos.safetensors")
    vocode(str(folder / "in.wav"), "-o", str(folder / "out.wav"), "--network", network)
    spoken, rate = read_recording(folder / "out.wav")
    assert (rate, spoken.size) == (24_000, 24_000 // 256 * 256)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("in.wav", "-o", "-", "--json"), "leaves no room"),
        (("mel.npy", "-o", "y.wav"), "expected (frames, 100)"),
        (("mel.npy", "-o", "y.wav", "--quality"), "no recording to compare"),
        (("in.wav", "-o", "in.wav"), "in.wav"),
        (("in.wav", "-o", "y.wav", "--backend", "gpu"), "torch, cpu, lava"),
        (("nan.npy", "-o", "-"), "nan.npy [mel-values]"),
        (("loud.npy", "-o", "y.wav"), "loud.npy [mel-values]"),
        (("complex.npy", "-o", "y.wav"), "complex.npy [mel-values]"),
        (("one.npy", "-o", "y.wav"), "one.npy [audio-too-short]: 0 samples"),
        (("in.wav", "-o", "y.wav", "--network", "absent.safetensors"), "there is no such file"),
        (("in.wav", "-o", "y.wav", "--network", "vocos_small.nir"), "NAME.safetensors"),
    ],
)
def test_what_cannot_be_vocoded_is_said(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(folder)
    np.save("mel.npy", np.zeros((80, 7)))
    frames = np.zeros((9, 100))
    np.save("one.npy", frames[:1])
    np.save("complex.npy", frames * 1j)
    for name, value in (("nan", np.nan), ("loud", 1e30)):
        np.save(f"{name}.npy", np.where(np.arange(100) == 5, value, frames))
    vocode("--network", "vocos_small.safetensors", *options, code=2)
    assert words in capsys.readouterr().err
    assert not Path("y.wav").exists()
