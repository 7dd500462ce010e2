from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from neurodeploy.bench import enhancement_scores
from neurodeploy.bench.enhancement import COUNTED_EVERY, fill_table
from neurodeploy.bench.enhancement_systems import named_systems
from neurodeploy.bench.speech_metrics import si_sdr, si_snr
from neurodeploy.errors import NeurodeployError
from neurodeploy.zoo.data.clips import load_clips
from neurodeploy.zoo.data.noisy_speech import Pair
from neurodeploy.zoo.data.noisy_speech_sets import SNR_DB, RenderedSet

CLEAN = load_clips()[0].audio[8_000:26_100]  # eight times that is one window of DNSMOS
NOISE = np.random.default_rng(0).normal(scale=0.02, size=CLEAN.size).astype(np.float32)
MIXTURES = RenderedSet((Pair(CLEAN + NOISE, CLEAN), Pair(CLEAN + 2 * NOISE, CLEAN)), (5, 0), "d")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPoolExecutor]:
    if find_spec("pesq") is None:  # built from source, where there is a compiler
        monkeypatch.setattr(enhancement_scores, "pesq_or_nan", lambda enhanced, clean: np.nan)
    pytest.importorskip("pystoi")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("speechmos")
    with ThreadPoolExecutor(1) as pool:
        yield pool


def weights(folder: Path, seed: int) -> Path:
    import torch

    from neurodeploy.zoo.models.enhancers import ENHANCERS
    from neurodeploy.zoo.train.checkpoint import save_weights

    torch.manual_seed(seed)
    path = folder / "sdnn_baseline.safetensors"
    save_weights(path, ENHANCERS["sdnn_baseline"]())
    return path


def test_a_table_goes_on_where_it_was_killed_and_measures_anew_what_changed(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    out = tmp_path / "table.json"
    network = weights(tmp_path, 0)
    noisy, *_, trained = named_systems([network])
    broken = replace(trained, file=tmp_path / "s4_ann.safetensors")
    with pytest.raises(NeurodeployError):
        fill_table(out, "two", MIXTURES, [noisy, broken], [], pool)
    (kept,) = json.loads(out.read_text())["systems"].values()
    quality = kept["quality"]
    wanted = [si_sdr(p.noisy, p.clean) for p in MIXTURES.pairs]
    assert quality["si_sdr"]["mean"] == pytest.approx(np.mean(wanted), abs=1e-4)
    assert quality["si_snr_gain"] == {"mean": 0.0, "error": 0.0}
    assert kept["by_snr_db"]["0"]["si_snr"]["mean"] < kept["by_snr_db"]["5"]["si_snr"]["mean"]
    rows = fill_table(out, "two", MIXTURES, [noisy, trained], [], pool)
    assert rows["noisy"] == kept  # not measured again: how long it took is the same
    assert rows["sdnn_baseline"]["costs"]["parameters"] == 526_336
    weights(tmp_path, 1)
    again = fill_table(out, "two", MIXTURES, named_systems([network])[-1:], [], pool)
    assert again["noisy"] == kept
    assert again["sdnn_baseline"]["made_of"] != rows["sdnn_baseline"]["made_of"]
    with pytest.raises(NeurodeployError, match="other mixtures"):
        fill_table(out, "two", replace(MIXTURES, digest="e"), [noisy], [], pool)


def test_systems_of_one_name_are_refused(tmp_path: Path) -> None:
    network = weights(tmp_path, 0)
    with pytest.raises(NeurodeployError, match="twice: sdnn_baseline"):
        named_systems([network, network])
    names = [system.name for system in named_systems([network], [network])]
    assert names[-2:] == ["sdnn_baseline (first stage)", "sdnn_baseline"]


def test_files_that_are_no_enhancers_are_refused_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    checkpoint, sound = tmp_path / "checkpoint.safetensors", tmp_path / "a.wav"
    checkpoint.write_bytes(b"x")
    sound.write_bytes(b"x")
    with pytest.raises(NeurodeployError) as refused:
        named_systems([checkpoint, sound, tmp_path / "missing.nir"])
    rules = [d.rule for d in refused.value.diagnostics]
    assert rules == ["enhancer-unknown", "suffix", "file"]


def test_what_is_counted_has_all_ratios() -> None:
    ratios = SNR_DB * 20
    assert set(ratios[::COUNTED_EVERY]) == set(SNR_DB)


def test_si_sdr_is_si_snr_of_signals_without_a_mean() -> None:
    e, s = (x - x.mean() for x in (CLEAN + NOISE, CLEAN))
    assert si_sdr(e, s) == pytest.approx(si_snr(CLEAN + NOISE, CLEAN), abs=1e-6)
    assert si_sdr(e + 0.1, s) < si_snr(e + 0.1, s) - 1
