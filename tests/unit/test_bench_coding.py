"""The table of codecs: what of it runs without other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neurodeploy.bench import coding
from neurodeploy.bench.coding import COUNTED_S, costs, measure, mel_distance, operations
from neurodeploy.bench.coding_systems import CodingSystem, Received, best_shift, own_systems
from neurodeploy.bench.spiking_coding import (
    REST,
    counts,
    encoding_work,
    energies,
    transmission_work,
    where_spikes_pay,
)
from neurodeploy.hardware import load_hardware
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.codec.weights import save_codec
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.models.spiking_esc import (
    SignedSpikes,
    Spikes,
    SpikingSwinBlock,
    spiking_esc,
)
from tests.codec_files import SMALL, noise, small_codec


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
    names = [f"mine {1.5 * n:g}" for n in range(1, 7)]
    assert [s.name for s in systems] == [*names, "mine int8 1.5", "mine int8 9"]
    for system in (systems[0], systems[-2]):
        received = system.transmit(noise(3200))
        assert received.audio.size == 3200
    assert received.payload_bits == 10 * 30 + 4  # whole bytes
    assert received.file_bits == received.payload_bits + 8 * (2 * 48 + 12)
    assert received.range_coded_bits == received.payload_bits  # no code is known to be frequent


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


def test_a_row_has_all_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    def transmit(clean: Audio) -> Received:
        return Received(clean, 8 * clean.size // 16, 9 * clean.size // 16)

    monkeypatch.setattr(coding, "quality", lambda heard, clean, leave_out: {"same": 1.0})
    row = measure(CodingSystem("a", "1", transmit), [noise(1600)] * 2, [], ())
    assert row == {
        "made_of": "1",
        "payload_kbps": 8.0,
        "file_kbps": 9.0,
        "quality": {"same": {"mean": 1.0, "error": 0.0}},
    }


ADD, MULTIPLY, MAC = 0.9, 3.7, 4.6  # pJ in fp32 at 45 nm (Horowitz 2014)


def by_hand(codec: Esc, spectrum: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """By what the tensors hold: pJ of matrices, of their neurons; accumulations of attention."""
    spent = [0.0, 0.0, 0.0]
    seen: dict[str, torch.Tensor] = {}
    softmax = torch.softmax

    def weights(*given: Any) -> torch.Tensor:
        seen["softmax"] = softmax(*given)
        return seen["softmax"]

    def linear(module: nn.Linear, given: tuple[torch.Tensor], out: torch.Tensor) -> None:
        spent[0] += ADD * (given[0].count_nonzero().item() * module.out_features + out.numel())

    def neuron(module: Spikes, given: object, out: torch.Tensor) -> None:
        compares = 2 if isinstance(module, SignedSpikes) else 1
        leak = MULTIPLY + 2 * ADD if len(out) > 1 else 0.0  # none from rest
        spent[1] += out.numel() * (leak + compares * ADD)

    def attention(module: nn.Module, given: object, out: torch.Tensor) -> None:
        q, k, v, w = ((seen[n] != 0).double() for n in ("q", "k", "v", "softmax"))
        spent[2] += (q @ k.mT).sum().item() + (w @ v).sum().item()

    def keep(name: str) -> Callable[..., None]:
        return lambda module, given, out: seen.update({name: out})

    hooks = []
    for block in (m for m in codec.encoder.modules() if isinstance(m, SpikingSwinBlock)):
        a = block.attention
        hooks += [
            m.register_forward_hook(linear) for m in (a.qkv, a.out, block.mlp[0], block.mlp[2])
        ]
        hooks += [
            m.register_forward_hook(neuron)
            for m in (a.fire_in, a.fire_out, block.fire, block.mlp[1])
        ]
        fired = {"q": a.fire_q, "k": a.fire_k, "v": a.fire_v}
        hooks += [m.register_forward_hook(keep(name)) for name, m in fired.items()]
        hooks.append(a.register_forward_hook(attention))
    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(torch, "softmax", weights)
        codec.encode(spectrum, SMALL.streams)
    for hook in hooks:
        hook.remove()
    return spent


@pytest.mark.parametrize("steps", [1, 2])
def test_where_spikes_pay(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joules of what its own tensors say, at the literature's prices; the twin's by its shapes."""
    torch.manual_seed(3)
    twin, spiking = (c.eval() for c in (Esc(SMALL), spiking_esc(SMALL, steps)))
    for module in spiking.modules():
        if isinstance(module, Spikes):
            module.gain.data *= 4.0
    audio = torch.from_numpy(noise(16_000))[None]
    works = [encoding_work(codec, [audio]) for codec in (spiking, twin)]
    table = where_spikes_pay(*works, [load_hardware("cmos45nm")])
    row = table["cmos45nm, fp32, arithmetic"]
    matrices_pj, neurons_pj, sums = by_hand(spiking, spiking.spectrum(audio), monkeypatch)
    matrices = {n: r for n, r in row["layers"].items() if n.split()[-1] not in ("attention", REST)}
    assert len(matrices) == row["of"] - 6 == 4 * 6  # blocks
    spent = sum(r["spiking_j"] for r in matrices.values())
    assert spent == pytest.approx(1e-12 * (matrices_pj + neurons_pj), rel=1e-6)
    ours = counts(works[0])
    products = sum(n["acs"] for name, n in ours.items() if name.endswith(" attention"))
    assert products == pytest.approx(sums, rel=1e-6)
    assert all(n["macs"] == 0 for name, n in ours.items() if name != REST)
    tokens, dim = 100 * 16, 6  # of the first scale, a second
    first = 1e-12 * tokens * 3 * dim * (MAC * dim + ADD)
    assert row["layers"]["first.0 qkv"]["twin_j"] == pytest.approx(first, rel=1e-6)
    assert any("memory-aware" in place for place in table)


def test_a_transmission_is_encoding_and_decoding() -> None:
    """Spikes as where the encoder alone is counted; what has none costs as it does the twin."""
    torch.manual_seed(5)
    twin, codec = (c.eval() for c in (Esc(SMALL), spiking_esc(SMALL, 2)))
    audio = torch.from_numpy(noise(8000))[None]
    both, encoding = transmission_work(codec, audio, SMALL.streams), encoding_work(codec, [audio])
    assert [w.inference_s for w in both] == [pytest.approx(0.5)] * 2
    fired = [
        {r.name: (r.effective, r.spikes_in, r.spikes_out, r.updates) for r in w.record.layers}
        for w in (both[0], encoding[0])
    ]
    assert fired[0] == fired[1] and any(updates for *_, updates in fired[0].values())
    (whole,) = transmission_work(twin, audio, SMALL.streams)
    shared = {row.name: row.dense_macs for row in both[1].record.layers if row.dense_macs}
    theirs = {row.name: row.dense_macs for row in whole.record.layers if row.dense_macs}
    assert shared == {name: macs for name, macs in theirs.items() if name in shared}
    decoding = operations(codec, SMALL.streams)["decode"]
    beside = sum(row.dense_macs for row in decoding.layers) * 0.5 / COUNTED_S
    assert sum(shared.values()) > 0.98 * beside > 0
    chips = [load_hardware("cmos45nm")]
    twins = energies([whole], chips)
    for place, (_, rest) in energies(both, chips).items():
        decoders = (
            sum(t.energy_j or 0.0 for t in e.terms if t.layer.startswith("codec.decoder"))
            for e in (rest, twins[place][0])
        )
        # masks of attention are made by who comes first, and counted there
        assert next(decoders) == pytest.approx(next(decoders), rel=1e-3) != 0.0, place
