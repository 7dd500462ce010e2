from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("soundfile")
import torch

from neurodeploy.ir.array_files import read_arrays
from neurodeploy.zoo.audio.io import write_flac
from neurodeploy.zoo.data.manifest import MANIFEST, Recording, write_manifest
from neurodeploy.zoo.data.noisy_speech import NoisySpeechSpec
from neurodeploy.zoo.data.noisy_speech_sets import SNR_DB
from neurodeploy.zoo.denoisers import calibration_beside
from neurodeploy.zoo.models.enhancers import ENHANCERS
from neurodeploy.zoo.models.write_enhancers import write_enhancers
from neurodeploy.zoo.models.write_spiking_s4 import calibration_mixtures
from neurodeploy.zoo.train.checkpoint import read_tensors, save_weights


def corpus(folder: Path) -> Path:
    """Two voices and two noises of the validation set, one of each not freely licensed."""
    rng, found = np.random.default_rng(0), []
    for kind, source in (("speech", "librispeech"), ("noise", "esc")):
        for origin, licence in (("free", "CC-BY-4.0"), ("bound", "CC-BY-NC-3.0")):
            path = f"{kind}_{origin}.flac"
            write_flac(folder / path, (0.05 * rng.normal(size=20_000)).astype(np.float32))
            found.append(Recording(path, kind, "val", source, origin, 20_000, licence))
    write_manifest(folder / MANIFEST, found)
    return folder


def test_what_was_trained_is_written_as_the_package_ships_it(tmp_path: Path) -> None:
    for name in ("sdnn_baseline", "spiking_s4_loihi"):
        save_weights(tmp_path / name / f"{name}.safetensors", ENHANCERS[name]())
        (tmp_path / name / "metrics.json").write_text('{"parameters": 5}')
    second = tmp_path / "sdnn_baseline_2"
    save_weights(second / "sdnn_baseline.safetensors", ENHANCERS["sdnn_baseline"]())
    (second / "metrics.json").write_text('{"parameters": 6}')
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "spiking_s4_loihi_tuned.ndp").write_bytes(b"integers")
    out = tmp_path / "exports"
    written = list(write_enhancers(tmp_path, corpus(tmp_path), out))
    endings = (".metrics.json", ".ndp", ".nir", ".safetensors", ".toml", "_calibration.md")
    files = {f"spiking_s4_loihi{ending}" for ending in (*endings, "_calibration.npz", "_tuned.ndp")}
    files |= {"sdnn_baseline.metrics.json", "sdnn_baseline.safetensors"}
    assert {path.name for path in out.iterdir()} == files >= {path.name for path in written}
    metrics = json.loads((out / "sdnn_baseline.metrics.json").read_text())
    assert metrics["parameters"] == 6 and metrics["first_stage"] == {"parameters": 5}
    assert metrics["commands"][-2].endswith("-o RUNS/sdnn_baseline")
    assert metrics["commands"][-1].endswith("--start RUNS/sdnn_baseline/sdnn_baseline.safetensors")
    levels = read_arrays(calibration_beside(out / "spiking_s4_loihi.nir"))["input"]
    assert levels.shape == (500, 10, 257, 1) and np.array_equal(levels * 256, levels * 256 // 1)
    assert "free" in (text := (out / "spiking_s4_loihi_calibration.md").read_text())
    assert "bound" not in text
    shipped = read_tensors(out / "sdnn_baseline.safetensors")
    trained = read_tensors(second / "sdnn_baseline.safetensors")
    assert all(torch.equal(shipped[key], value) for key, value in trained.items())


def test_calibration_hears_all_ratios_and_many_voices() -> None:
    specs = [NoisySpeechSpec(voice, (), (), snr, 0) for voice in range(20) for snr in SNR_DB]
    chosen = calibration_mixtures(specs)
    assert sorted(spec.snr_db for spec in chosen) == sorted(2 * SNR_DB)
    assert len({spec.samples for spec in chosen}) == 10  # here the number of the voice
