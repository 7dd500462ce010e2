from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("snntorch")

from neurodeploy.bench.vocoder_energy import (  # noqa: E402
    count_vocoder,
    firing_at,
    full_energy,
    implied_rate,
    published_j,
    published_table,
)
from neurodeploy.bench.vocoder_metrics import mel_l1, mr_stft, track_distances  # noqa: E402
from neurodeploy.zoo.models.classical_vocoders import griffin_lim, with_phases  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos import SpikingVocosConfig, spiking_vocos  # noqa: E402
from neurodeploy.zoo.models.vocoders import MEL_16K  # noqa: E402
from neurodeploy.zoo.models.vocos import VocosConfig, vocos  # noqa: E402


def test_the_published_energies_to_the_digit() -> None:
    table = published_table()
    assert f"{table['ann_mj']:.1f} {table['spiking_mj']:.2f}" == "58.0 8.50"
    assert f"{table['ratio']:.2%}" == "14.65%"
    rates = [f"{rate:.3f}" for rate in table["implied_rates"].values()]
    assert rates == ["0.147", "0.130", "0.141", "0.180", "0.176"]
    config = SpikingVocosConfig()
    assert implied_rate(config, published_j(config, 0.3)) == pytest.approx(0.3)


def test_the_full_count_holds_the_published_one_and_what_it_leaves_out() -> None:
    size = {"mel": MEL_16K, "width": 32, "hidden": 64, "blocks": 2}
    config, ann = SpikingVocosConfig(**size), VocosConfig(**size)
    frames, rate = 400, 0.25
    mel = torch.randn(1, 100, frames)
    model = spiking_vocos(config)
    with firing_at(model, rate):
        spiking = full_energy(count_vocoder(model, mel), spiking=True)
    dense = full_energy(count_vocoder(vocos(ann), mel), spiking=False)
    both = ("depthwise", "pointwise")
    biases = 0.9e-9 * 1e3 * 2 * (32 + 64 + 32)  # mJ, which the publication leaves out, too
    # padding is left out: 12 of 7 x 400 taps
    assert sum(dense["parts_mj"][p] for p in both) == pytest.approx(
        1e3 * published_j(ann) + biases, rel=1e-3
    )
    assert sum(spiking["parts_mj"][p] for p in both) == pytest.approx(
        1e3 * published_j(config, rate) + 4 * biases, rel=0.01
    )
    for row in (spiking, dense):
        assert sum(row["parts_mj"].values()) == pytest.approx(row["arithmetic_mj"])
        assert row["with_memory_mj"] > row["arithmetic_mj"] and row["unpriced"]
    assert set(spiking["parts_mj"]) - set(dense["parts_mj"]) == {"neurons"}


def test_distances_of_spectra_by_hand() -> None:
    x = np.random.default_rng(0).normal(size=16_000)
    assert mr_stft(x, x) == mel_l1(x, x) == 0
    assert mr_stft(2 * x, x) == pytest.approx(1 + math.log(2), rel=1e-4)
    assert mel_l1(2 * x, x) == pytest.approx(math.log(2), rel=1e-4)


def test_distances_of_pitch_by_hand() -> None:
    nan = math.nan
    clean = np.array([100, 200, nan, nan, 300.0]), np.array([1, 1, 0, 0, 0.5])
    made = np.array([200, 200, 100, nan, nan]), np.array([1, 1, 0.5, 0, 0.5])
    found = track_distances(made, clean)  # type: ignore[arg-type]
    assert found["f0_cents"] == pytest.approx(1200 / math.sqrt(2))
    assert found["voicing_f1"] == pytest.approx(2 * 2 / (2 * 2 + 2))
    assert found["periodicity"] == pytest.approx(0.5 / math.sqrt(5))


def test_griffin_lim_is_as_consistent_as_librosas() -> None:
    librosa = pytest.importorskip("librosa")
    time = np.arange(8000) / 16_000
    x = np.sin(2 * np.pi * (200 * time + 300 * time**2)) + 0.3 * np.sin(2 * np.pi * 1234 * time)
    window = torch.hann_window(640)

    def spectrum(y: torch.Tensor) -> torch.Tensor:
        return torch.stft(y, 640, 160, window=window, return_complex=True).abs()

    wanted = spectrum(torch.from_numpy(x)[None].float())
    ours = with_phases(wanted, MEL_16K)
    theirs = librosa.griffinlim(wanted[0].numpy(), hop_length=160, random_state=0)
    rests = [
        (spectrum(y) - wanted).norm() / wanted.norm()
        for y in (ours, torch.from_numpy(theirs)[None])
    ]
    assert rests[0] < 1.1 * rests[1] < 0.2
    bands = torch.log((torch.tensor(_triangles()) @ wanted.double()).clamp(min=1e-7)).float()
    assert mel_l1(griffin_lim(bands, MEL_16K)[0].numpy(), ours[0].numpy()) < 0.5


def _triangles() -> np.ndarray:
    from neurodeploy.zoo.audio.mel import triangles

    return triangles(MEL_16K).copy()
