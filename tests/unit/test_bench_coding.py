"""The table of codecs: what of it runs without other programs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.bench import coding
from neurodeploy.bench.coding import costs, fill_table, mel_distance
from neurodeploy.bench.coding_systems import CodingSystem, Received, best_shift, own_systems
from neurodeploy.hardware import load_hardware
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.codec.weights import save_codec
from neurodeploy.zoo.models.codecs import CODECS
from tests.codec_files import noise, small_codec


@pytest.mark.parametrize("lag", [-700, 0, 1, 1600])
def test_what_comes_late_is_moved_back(lag: int) -> None:
    clean = noise(8000)
    late = np.roll(np.pad(clean, (2000, 2000)), lag)[2000:-1500]
    moved = best_shift(late, clean)
    kept = slice(max(0, -lag), 8000 + min(0, -lag + 500))
    assert moved.size == 8000
    assert np.array_equal(moved[kept], clean[kept])


def test_mel_distance_of_level() -> None:
    """20 dB are 2 in the 10-logarithm of power, at each of seven resolutions."""
    x = noise(8000)
    assert mel_distance(x, x) == 0.0
    assert mel_distance(0.1 * x, x) == pytest.approx(14.0, rel=0.02)


def test_every_rate_of_our_own_is_a_system(tmp_path: Path) -> None:
    save_codec(tmp_path / "mine.safetensors", "esc_tiny", CODECS["esc_tiny"]())
    systems = own_systems([tmp_path / "mine.safetensors"])
    assert [s.name for s in systems] == [f"mine {1.5 * n:g}" for n in range(1, 7)]
    received = systems[0].transmit(noise(3200))
    assert received.audio.size == 3200
    assert received.payload_bits == 10 * 30 + 4  # whole bytes
    assert received.file_bits == received.payload_bits + 8 * (2 * 48 + 12)


def test_costs_count_attention_and_have_prices() -> None:
    """Of 120 tokens by rows: a block is 12 C^2 products a token, and 2 x 16 C of attention."""
    network = small_codec().network
    found = costs(network, 3, [load_hardware("cmos45nm")])
    assert found["encode"]["not_counted"] == found["decode"]["not_counted"] == {}
    per_s = 100.0
    patches = 16 * 6 * 2 * 12 * 2
    blocks = sum(
        2 * rows * (12 * c * c + 32 * c) for c, rows in ((6, 16), (6, 16), (12, 8), (12, 4))
    )
    down = 8 * 12 * 12 + 4 * 24 * 12
    least = per_s * (patches + blocks + down)
    assert least < found["encode"]["macs_per_s"] < 1.5 * least
    assert all(row["energy_j"] > 0 for row in found["encode"]["energy_per_s"])


def test_a_table_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are kept while they are made of the same."""
    calls: list[str] = []

    def system(name: str, made_of: str) -> CodingSystem:
        def transmit(clean: Audio) -> Received:
            calls.append(name)
            return Received(clean, 8 * clean.size // 16, 9 * clean.size // 16)

        return CodingSystem(name, made_of, transmit)

    monkeypatch.setattr(coding, "quality", lambda heard, clean, leave_out: {"same": 1.0})
    out = tmp_path / "table.json"
    recordings = [noise(1600)] * 2
    fill_table(out, recordings, [system("a", "1"), system("b", "1")], [], ())
    fill_table(out, recordings, [system("a", "1"), system("b", "2")], [], ())
    assert calls == ["a", "a", "b", "b", "b", "b"]
    row = json.loads(out.read_text())["systems"]["a"]
    assert (row["payload_kbps"], row["file_kbps"]) == (8.0, 9.0)
    assert row["quality"]["same"]["mean"] == 1.0
