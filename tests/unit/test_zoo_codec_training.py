"""Training of codecs: its losses, how codes are used, and a run that goes on after a kill."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from neurodeploy.cli import main
from neurodeploy.errors import ConfigError, DataError
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.codec.weights import open_codec
from neurodeploy.zoo.data.manifest import Recording
from neurodeploy.zoo.data.speech import Speech
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.discriminators import DiscriminatorConfig
from neurodeploy.zoo.models.esc import Esc, EscConfig
from neurodeploy.zoo.train import codec as training
from neurodeploy.zoo.train import codec_step
from neurodeploy.zoo.train.checkpoint import save_checkpoint
from neurodeploy.zoo.train.codec import run_history, train
from neurodeploy.zoo.train.codec_losses import (
    code_counts,
    mel_terms,
    spectrum_loss,
    utilization,
)
from neurodeploy.zoo.train.codec_recipes import (
    RECIPES,
    CodecRecipe,
    adversarial_stage,
    codec_recipe,
)
from neurodeploy.zoo.train.codec_step import rate_at, streams_at

SMALL = EscConfig(patch=(12, 2), channels=(6, 12, 12), heads=(3, 3), codes=32, refined=4, power=0.3)
RECIPE = CodecRecipe(
    network="small",
    pretraining=2,
    steps=5,
    batch=2,
    samples=3200,
    lr=1e-3,
    warmup=1,
    seeding_s=1.0,
    reviving_every=2,
    si_sdr=0.1,
    following=0.05,
    counting_s=1.0,
    validate_every=2,
    save_every=1,
    validation=2,
    validation_samples=6400,
)


def speech(seed: int) -> Speech:
    """Two recordings of coloured noise."""
    names = ("a", "b")
    rngs = {name: np.random.default_rng((seed, n)) for n, name in enumerate(names)}
    audio = {n: (0.02 * r.standard_normal(16_000).cumsum()) for n, r in rngs.items()}
    tracks: dict[str, Audio] = {n: (x - x.mean()).astype(np.float32) for n, x in audio.items()}
    rows = (Recording(n, "speech", "train", "s", n, 16_000, "CC0") for n in names)
    return Speech(tuple(rows), tracks.__getitem__)


JUDGES = DiscriminatorConfig((2, 3), (2, 4), (128,), 2)
JUDGED = replace(adversarial_stage(RECIPE), steps=3, judges=JUDGES)


def run(out: Path, recipe: CodecRecipe = RECIPE, **options: Any) -> dict[str, Any]:
    return train("small", (speech(0), speech(1)), "digest", out, recipe=recipe, **options)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODECS, "small", lambda: Esc(SMALL))


def test_losses_are_zero_for_the_same_and_what_they_say_for_another() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(2, 1, 8000)
    assert [t.item() for t in mel_terms(x, x)] == [0.0, 0.0]
    louder = mel_terms(10.0 * x, x)[1]  # 20 dB are 2 in log10 of the power, at each of 7 scales
    torch.testing.assert_close(louder, torch.tensor(14.0), rtol=0.02, atol=0.0)
    s, t = x.view(1, 2, 40, 100), y.view(1, 2, 40, 100)
    c, d = (np.sign(v) * np.abs(v) ** 0.3 for v in (s.numpy(), t.numpy()))
    assert spectrum_loss(s, t).item() == pytest.approx(float(((c - d) ** 2).mean()), rel=1e-4)
    plain = float(((s - t) ** 2).mean())
    assert spectrum_loss(s, t, companded=True).item() == pytest.approx(plain, rel=1e-4)


def test_utilization_of_codes() -> None:
    codes = torch.stack([torch.arange(16), torch.zeros(16, dtype=torch.long)])[None, None]
    counts = code_counts(codes, 16)
    assert counts.shape == (1, 2, 16) and counts.sum() == 32
    used, bits = utilization(counts)
    assert used.tolist() == [[1.0, 1 / 16]]
    torch.testing.assert_close(bits, torch.tensor([[1.0, 0.0]]))
    halves = code_counts(torch.tensor([0, 1] * 8)[None, None, None], 16)
    assert utilization(halves)[1].item() == pytest.approx(0.25)  # one bit of four


def test_streams_are_drawn_as_published() -> None:
    recipe = RECIPES["esc_base"]
    drawn = np.bincount([streams_at(recipe, step, 6) for step in range(4000)], minlength=7)
    expected = 4000 * np.array([0, *[0.75 / 6] * 5, 0.25 + 0.75 / 6])
    assert (np.abs(drawn - expected) < 4 * np.sqrt(expected + 1)).all()
    assert rate_at(recipe, 10**5, falling=False) == 1e-4


def test_what_has_no_such_stage_and_no_usage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="its twin's decoder"):
        codec_recipe("spiking_esc_tiny", started=True)
    numbers = {"step": 1, "identity": {"variant": "vad"}}
    save_checkpoint(tmp_path / "checkpoint.safetensors", torch.nn.Linear(1, 1), [], numbers)
    with pytest.raises(DataError, match="no codec's"):
        run_history(tmp_path)


def test_a_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """Stopped within each stage, and within the one with judges."""

    class Stopped(Exception):
        pass

    def halted(out: Path, end: int, **options: Any) -> None:
        def stop(step: int, steps: int, m: Any) -> None:
            if step == end:
                raise Stopped

        with pytest.raises(Stopped):
            run(out, report=stop, **options)

    def compared(name: str, ends: tuple[int, ...], **options: Any) -> Path:
        straight, halting = (tmp_path / f"{name}{n}" for n in range(2))
        for end in ends:
            halted(halting, end, **options)
        histories = [run(out, **options)["history"] for out in (straight, halting)]
        assert histories[0] == histories[1]
        one, other = (load_file(out / "small.safetensors") for out in (straight, halting))
        assert all(torch.equal(one[n], other[n]) for n in one) and one.keys() == other.keys()
        return straight / "small.safetensors"

    start = compared("first", (1, 2))
    judged = compared("judged", (2,), recipe=JUDGED, start=start)
    lines = (judged.parent / "metrics.jsonl").read_text().splitlines()
    losses = json.loads(lines[-1])
    assert len(lines) == 3 and losses["judges"] > 0.0 and losses["deception"] > 0.0
    before, after = load_file(start), load_file(judged)
    name = "decoder.spectrum.weight"
    assert not torch.equal(before[name], after[name]) and after.keys() == before.keys()


def test_what_a_run_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[Esc] = []
    seed = codec_step.seed_codebooks

    def watched(codec: Esc, *rest: Any) -> None:
        before = codec.quantizers[0].codebooks.detach().clone()
        seed(codec, *rest)
        assert not torch.equal(before, codec.quantizers[0].codebooks)
        seeded.append(codec)

    for module in (training, codec_step):
        monkeypatch.setattr(module, "seed_codebooks", watched)
    metrics = run(tmp_path)
    assert len(seeded) == 2  # at the start, and what is unused before the third step
    assert [row["step"] for row in metrics["pretraining"]] == [2]
    assert [row["step"] for row in metrics["history"]] == [2, 3]
    last = metrics["history"][-1]["val"]
    assert 0.0 < last["bits_used"] <= 1.0 and 0.0 < last["codes_used"] <= 1.0
    assert {"mel_distance_1", "si_sdr_3"} <= set(last)
    with pytest.raises(SystemExit, match="0"):
        main(["codec", "usage", str(tmp_path), "-o", str(tmp_path / "usage.svg")])
    streams, groups = np.shape(last["books"]["bits_used"])
    drawn = ElementTree.parse(tmp_path / "usage.svg").findall("{*}path")
    assert len(drawn) == 3 * streams + 2 * streams * groups  # legend, bits, rates; bits, codes
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]
    codec = open_codec(tmp_path / "small.safetensors")
    assert codec.network.code_counts.sum(-1).unique().tolist() == [50]  # a second
    without = replace(RECIPE, pretraining=0, seeding_s=0.0, reviving_every=0)
    alone = train("small", (speech(0), speech(1)), "d", tmp_path / "no", recipe=without)
    assert alone["pretraining"] == [] and len(seeded) == 2
