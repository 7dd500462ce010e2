from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodeploy import resources
from neurodeploy.bench.enhancement_systems import program_enhancer
from neurodeploy.bench.enhancer_costs import network_costs
from neurodeploy.cli import main
from neurodeploy.errors import ConfigError
from neurodeploy.hardware import load_hardware
from neurodeploy.resources import resource
from neurodeploy.zoo.audio.io import read_audio
from neurodeploy.zoo.audio.stft import StftConfig
from neurodeploy.zoo.audio.stream import Enhancer, Frames, enhance_recording, enhance_stream
from neurodeploy.zoo.data.clips import load_clips
from neurodeploy.zoo.denoisers import open_denoiser, shipped_network

CHIPS = [load_hardware("loihi2_full_load"), load_hardware("loihi2")]
CLIP = load_clips()[0].audio[:20_333]


class Louder:
    """o = 2 |X| of `delay` frames ago."""

    stft = StftConfig(256, 64, "sqrt_hann")

    def __init__(self, delay: int) -> None:
        self.delay = delay
        self._past = np.zeros((delay, self.stft.bins))

    def advance(self, magnitude: Frames) -> Frames:
        frames = np.concatenate([self._past, 2.0 * magnitude])
        self._past = frames[len(magnitude) :]
        return frames[: len(magnitude)]


def pieces(x: np.ndarray[Any, Any], seed: int) -> list[np.ndarray[Any, Any]]:
    cuts = np.sort(np.random.default_rng(seed).integers(0, x.size, 12))
    return np.split(x, cuts)


@pytest.mark.parametrize("delay", [0, 1, 5])
def test_a_stream_does_not_depend_on_its_pieces_nor_on_late_masks(delay: int) -> None:
    whole = np.concatenate(list(enhance_stream(Enhancer(Louder(0)), [CLIP])))
    assert np.array_equal(enhance_recording(Enhancer(Louder(delay)), CLIP), whole)
    enhancer = Enhancer(Louder(delay))
    parts = list(enhance_stream(enhancer, pieces(CLIP, delay)))
    assert np.array_equal(np.concatenate(parts), whole) and whole.size == CLIP.size
    assert np.abs(whole).mean() > 1.5 * np.abs(CLIP).mean()
    assert enhancer.latency_s == (256 + 64 * delay) / 16_000


def test_torch_networks_stream_as_they_run_whole(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from neurodeploy.zoo.denoisers import TorchDenoiser
    from neurodeploy.zoo.models.enhancers import ENHANCERS
    from neurodeploy.zoo.train.checkpoint import save_weights

    for name in ("s4_ann", "sdnn_baseline"):  # spikes of float32 may tip over
        torch.manual_seed(0)
        model = ENHANCERS[name]().eval()
        save_weights(tmp_path / f"{name}.safetensors", model)
        enhancer = Enhancer(TorchDenoiser(tmp_path / f"{name}.safetensors"))
        streamed = np.concatenate(list(enhance_stream(enhancer, pieces(CLIP, 1))))
        with torch.no_grad():
            whole = model(torch.from_numpy(CLIP[None])).audio[0].numpy()
        assert np.abs(streamed - whole).max() < 1e-4 and np.abs(whole - CLIP).max() > 1e-3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network as .safetensors, .nir with its calibration, and a recording."""
    torch = pytest.importorskip("torch")
    from neurodeploy.zoo.audio.io import write_audio
    from neurodeploy.zoo.models.enhancers import ENHANCERS
    from neurodeploy.zoo.train.checkpoint import save_weights

    folder = tmp_path_factory.mktemp("enhance")
    torch.manual_seed(0)
    model = ENHANCERS["spiking_s4_loihi"]()
    with torch.no_grad():
        for _ in range(3):
            model(torch.from_numpy(CLIP[None]))
    name = "spiking_s4_loihi"
    save_weights(folder / f"{name}.safetensors", model)
    write_graph(folder / f"{name}.nir", model.network)
    write_audio(folder / "in.wav", CLIP)
    return folder


def write_graph(path: Path, network: Any) -> None:
    """The graph and its calibration."""
    from neurodeploy.ir.nir_file import write_nir
    from neurodeploy.zoo.denoisers import CHIP_STFT
    from neurodeploy.zoo.models.spiking_s4_graph import to_graph
    from neurodeploy.zoo.models.write_spiking_s4 import features

    graph = to_graph(network.double().eval(), CHIP_STFT.dt)
    write_nir(path, graph, {"dt": CHIP_STFT.dt, "discretisation": "forward_euler"})
    levels = features(CLIP, CHIP_STFT)[:, None, :, None]
    np.savez(path.with_name(f"{path.stem}_calibration.npz"), input=levels)


def enhance(folder: Path, *options: str) -> None:
    with pytest.raises(SystemExit) as done:
        main(["enhance", *options])
    assert done.value.code == 0


def test_the_command_enhances_a_recording_with_the_chips_integers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = str(folder / "spiking_s4_loihi.nir")
    out = folder / "out.flac"
    enhance(folder, str(folder / "in.wav"), "-o", str(out), "--network", network, "--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["algorithmic_latency_s"] == 0.032 and facts["neuron_updates_per_frame"] == 8193
    assert facts["synaptic_operations_per_frame"] > 1000 and facts["real_time_factor"] > 0
    unpriced, priced = facts["energy"]
    assert (unpriced["hardware"], unpriced["energy_j"]) == ("loihi2", None)
    assert priced["energy_j"] > 0 and priced["sources"]
    enhanced = read_audio(out)
    assert enhanced.size == CLIP.size
    costs = network_costs(Path(network), read_audio(folder / "in.wav"), CHIPS)
    energy = {e["hardware"]: e for e in costs["energy"]}
    operations = costs["synaptic_operations_per_frame"] * 125
    price = CHIPS[0].prices["synaptic_operation"]
    assert energy["loihi2_full_load"]["energy_j"] == pytest.approx(operations * price.value)
    assert energy["loihi2_full_load"]["sources"] == (price.source,)
    assert energy["loihi2"]["energy_j"] is None and costs["cores"]["loihi2"] == 6
    assert costs["power_proxy"] == pytest.approx(
        (costs["synaptic_operations_per_frame"] + 10 * 8193) / 8e-3
    )
    at_once = program_enhancer(Path(network))(read_audio(folder / "in.wav"))
    assert np.abs(enhanced - np.clip(at_once, -1, 1)).max() <= 1 / 32_768


@pytest.mark.usefixtures("one_worker")
def test_lava_gives_the_same_audio(folder: Path) -> None:
    import torch

    from neurodeploy.zoo.audio.io import write_audio
    from neurodeploy.zoo.models.spiking_s4_loihi import SpikingS4Loihi, SpikingS4LoihiConfig

    torch.manual_seed(0)
    small = SpikingS4Loihi(SpikingS4LoihiConfig(width=12, layers=1, state=4))
    network = str(folder / "small.nir")
    write_graph(folder / "small.nir", small)
    write_audio(folder / "short.wav", CLIP[:2_000])
    for backend in ("cpu", "lava"):
        out = str(folder / f"{backend}.flac")
        options = ("-o", out, "--network", network, "--backend", backend)
        enhance(folder, str(folder / "short.wav"), *options)
    ours, lavas = read_audio(folder / "cpu.flac"), read_audio(folder / "lava.flac")
    assert np.array_equal(ours, lavas) and np.abs(ours).max() > 0


def test_the_command_passes_a_stream_through(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.rint(CLIP * 32_767).astype("<i2").tobytes()
    given = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)))
    sent = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", given)
    monkeypatch.setattr(sys, "stdout", sent)
    weights = str(folder / "spiking_s4_loihi.safetensors")
    enhance(folder, "-", "-o", "-", "--network", weights, "--backend", "torch")
    assert len(sent.buffer.getvalue()) == len(data)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (["--network", "x.nir", "--backend", "torch"], "suffix"),
        (["--network", "x.nir", "--backend", "gpu"], "unknown"),
        (["--network", "x.nir"], "file"),
        (["--network", str(resource("exports", "vad_zero.nir"))], "calibration-missing"),
        (["--network", "x.safetensors", "--backend", "torch"], "enhancer-unknown"),
        (["--network", "nothing"], "network-unknown"),
        (["--hw", "nochip"], "hardware-name"),
        (["-o", "y.mp3"], "audio-format"),
        (["--page", "page.txt"], "suffix"),
        (["--clean", "missing.wav"], "audio-unreadable"),
        (["--network", "spiking_s4"], "network-unknown"),
    ],
)
def test_what_cannot_run_is_refused(
    options: list[str], rule: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        main(["enhance", str(folder / "in.wav"), "-o", str(folder / "y.wav"), *options])
    assert done.value.code == 2
    assert f"[{rule}]" in capsys.readouterr().err


@pytest.mark.parametrize(("data", "rule"), [(b"", "audio-too-short"), (b"RIFF1234", "stream")])
def test_pipes_without_raw_samples_are_refused(
    data: bytes,
    rule: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
    network = ["--network", str(folder / "spiking_s4_loihi.safetensors"), "--backend", "torch"]
    with pytest.raises(SystemExit) as done:
        main(["enhance", "-", "-o", str(folder / "none.wav"), *network])
    assert done.value.code == 2 and not (folder / "none.wav").exists()
    assert f"[{rule}]" in capsys.readouterr().err


def test_of_shipped_networks_the_integers_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exports").mkdir()
    monkeypatch.setattr(resources, "resource_roots", lambda: (tmp_path,))
    for ending in (".nir", ".safetensors", ".ndp"):
        (tmp_path / "exports" / f"net{ending}").touch()
        wanted = {"cpu": "net.nir", "torch": "net.safetensors"}
        if ending == ".ndp":
            wanted["cpu"] = "net.ndp"
        for backend in ("cpu", "torch")[: 1 + (ending != ".nir")]:
            assert shipped_network("net", backend).name == wanted[backend]


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    network = tmp_path / "vad.nir"
    for name in ("vad.nir", "vad.toml", "vad_calibration.npz"):
        (tmp_path / name).write_bytes(resource("exports", name).read_bytes())
    with pytest.raises(ConfigError, match="not 257 bins"):
        open_denoiser(network, "cpu")


def test_the_page_holds_pictures_players_and_numbers(tmp_path: Path) -> None:
    import base64
    import re
    import wave

    pytest.importorskip("jinja2")
    matplotlib = pytest.importorskip("matplotlib.image")
    from neurodeploy.report.listening_page import Heard, write_listening_page
    from neurodeploy.zoo.audio.io import wav_bytes
    from neurodeploy.zoo.audio.spectrogram import spectrogram_db

    tone = 0.5 * np.sin(2 * np.pi * 2000 * np.arange(16_000) / 16_000).astype(np.float32)
    db = spectrogram_db(tone)
    assert db[20:-20].argmax(axis=1).tolist() == [64] * (len(db) - 40)  # 2 kHz
    assert db.max() == pytest.approx(-6.02, abs=0.1)
    heard = Heard("tone", wav_bytes(tone), 1.0, db, {"si_snr": 12.5})
    page = tmp_path / "page.html"
    write_listening_page(
        page, "A <tone>", "Speech", [heard], {"k": 1}, top_hz=8000.0, floor_db=-80.0
    )
    text = page.read_text(encoding="utf-8")
    assert (
        "A &lt;tone&gt;" in text and "12.5" in text and "http" not in re.sub(r"xmlns=\S+", "", text)
    )
    png, wav = (
        io.BytesIO(base64.b64decode(found))
        for found in re.findall(r'data:(?:image/png|audio/wav);base64,([^"]+)"', text)
    )
    pixels = matplotlib.imread(png, format="png")
    assert pixels.shape == (257, 125, 3)
    bright = pixels.sum(axis=2)[:, 60].argmax()
    assert bright == 256 - 64  # frequencies run upwards
    with wave.open(wav) as file:
        assert file.getnframes() == 16_000 and file.getframerate() == 16_000
