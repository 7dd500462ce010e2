from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodeploy.errors import ConfigError
from neurodeploy.zoo.data.manifest import Recording
from neurodeploy.zoo.data.speech import Speech, random_crop

torch = pytest.importorskip("torch")
pytest.importorskip("snntorch")

from neurodeploy.zoo.audio.mel import triangles  # noqa: E402
from neurodeploy.zoo.models.discriminators import DiscriminatorConfig, Discriminators  # noqa: E402
from neurodeploy.zoo.models.spiking_vocos import SpikingVocosConfig, spiking_vocos  # noqa: E402
from neurodeploy.zoo.models.vocoders import MEL_16K  # noqa: E402
from neurodeploy.zoo.models.vocos import VocosConfig, vocos  # noqa: E402
from neurodeploy.zoo.train.distillation import (  # noqa: E402
    DistillationRecipe,
    Student,
    distillation_loss,
)
from neurodeploy.zoo.train.vocoder_losses import (  # noqa: E402
    deception_loss,
    discriminator_loss,
    feature_loss,
    mel_fronts,
    mel_loss,
    phase_loss,
)

ROOT = Path(__file__).parents[2]


def test_crops_come_from_everywhere_at_random_gains() -> None:
    sounds = {"a": np.arange(1, 2001, dtype=np.float32), "b": np.ones(300, dtype=np.float32)}
    recordings = tuple(
        Recording(path, "speech", "train", "made", path, x.size, "CC0-1.0")
        for path, x in sounds.items()
    )
    speech = Speech(recordings, sounds.__getitem__)
    rng = np.random.default_rng(0)
    crops = [random_crop(speech, 400, rng) for _ in range(200)]
    peaks = [20 * np.log10(np.abs(c).max()) for c in crops if np.ptp(c) == 0]
    assert 10 < len(peaks) < 50  # about 300 of 2300 samples
    assert -6 <= min(peaks) < -5 and -2 < max(peaks) <= -1
    slopes = [c for c in crops if np.ptp(c) > 0]
    places = [c[0] / (c[1] - c[0]) for c in slopes]
    assert min(places) < 200 and max(places) > 1400


def test_judgements_have_the_published_shapes() -> None:
    with torch.device("meta"):
        periods, windows = Discriminators()(torch.zeros(2, 16_384))
    for period, maps in zip((2, 3, 5, 7, 11), periods, strict=True):
        length = -(-16_384 // period)
        expected = []
        for channels, stride in ((32, 3), (128, 3), (512, 3), (1024, 3), (1024, 1)):
            length = (length - 1) // stride + 1
            expected.append((2, channels, length, period))
        assert [tuple(m.shape) for m in maps] == [*expected[1:], (2, 1, length, period)]
    for window, maps in zip((2048, 1024, 512), windows, strict=True):
        frames, bins = 16_384 // (window // 4) + 1, window // 2 + 1
        edges = [int(share * bins) for share in (0, 0.1, 0.25, 0.5, 0.75, 1)]
        shapes, ends = [], 0
        for size in np.diff(edges):
            for _ in range(3):
                size = -(-size // 2)
                shapes.append((2, 32, frames, size))
            shapes.append((2, 32, frames, size))
            ends += size
        assert [tuple(m.shape) for m in maps] == [*shapes, (2, 1, frames, ends)]


def test_the_mpd_has_hifi_gans_parameters() -> None:
    with torch.device("meta"):
        judges = Discriminators()
    one = 0
    for a, b in ((1, 32), (32, 128), (128, 512), (512, 1024), (1024, 1024)):
        one += a * b * 5 + 2 * b  # weight norm: directions, magnitudes, biases
    one += 1024 * 3 + 2
    assert sum(p.numel() for p in judges.periods.parameters()) == 5 * one == 41_105_770


def test_adversarial_losses_by_hand() -> None:
    real = [[torch.tensor([3.0]), torch.tensor([2.0, 0.5])]]
    made = [[torch.tensor([1.0]), torch.tensor([-2.0, 0.5])]]
    assert discriminator_loss(real, made).item() == pytest.approx(0.5 / 2 + 1.5 / 2)
    assert deception_loss(made).item() == pytest.approx((3 + 0.5) / 2)
    squares = ((1 + 4) + (0.25 + 0.25)) / 2  # of the judges: (1 - D(real))^2 + D(made)^2
    assert discriminator_loss(real, made, squares=True).item() == pytest.approx(squares)
    assert deception_loss(made, squares=True).item() == pytest.approx((9 + 0.25) / 2)
    assert feature_loss(real * 2, made * 2).item() == pytest.approx(2 + 4 / 2)


def test_the_phase_has_a_gradient_here_and_none_as_published() -> None:
    rng = torch.Generator().manual_seed(0)
    target = 9 * torch.randn(2, 7, 5, generator=rng, dtype=torch.float64)
    values, gradients = [], []
    for published in (False, True):
        torch.manual_seed(1)
        phase = (target + 3 * torch.randn(target.shape, dtype=target.dtype)).requires_grad_()
        loss = phase_loss(phase, target, published=published)
        (gradient,) = torch.autograd.grad(loss, phase)
        values.append(loss.item())
        gradients.append(gradient)
    assert values[0] == pytest.approx(values[1]) and 0 < values[0] < 3 * math.pi
    assert gradients[0].abs().max() > 0.01 and gradients[1].abs().max() < 1e-12


def test_whole_turns_are_no_difference() -> None:
    phase = torch.randn(1, 6, 4, dtype=torch.float64)
    turns = 2 * math.pi * torch.randint(-9, 9, phase.shape).double()
    assert phase_loss(phase + turns, phase).item() == pytest.approx(0, abs=1e-12)


def test_every_band_of_every_front_end_hears_something() -> None:
    for front in (MEL_16K, *mel_fronts(16_000), *mel_fronts(24_000)):
        assert (triangles(front).sum(1) > 0).all()
    x = torch.randn(1, 4096)
    assert mel_loss(x, x, mel_fronts(16_000)).item() == 0
    assert mel_loss(2 * x, x, mel_fronts(16_000)).item() == pytest.approx(math.log(2), rel=1e-4)


@pytest.mark.parametrize("shift", [True, False])
def test_with_the_shift_the_last_block_has_no_partner(shift: bool) -> None:
    size = {"width": 32, "hidden": 48, "blocks": 3}
    student = Student(spiking_vocos(SpikingVocosConfig(MEL_16K, **size, shift=shift)), taught=True)
    with torch.no_grad():
        for block in student.vocoder.backbone.blocks:
            block.norm.bias.fill_(3)  # so that neurons fire
            block.expand.bias.fill_(3)
    mel = torch.randn(1, 100, 6)
    teacher = vocos(VocosConfig(MEL_16K, **size)).eval()(mel)
    recipe = DistillationRecipe()
    terms = distillation_loss(student(mel), teacher, recipe)
    terms["feature"].backward()
    blocks = student.vocoder.backbone.blocks
    reached = [b.gamma.grad is not None and bool(b.gamma.grad.any()) for b in blocks]
    assert reached == [True, True, not shift]
    phase = phase_loss(student(mel).spoken.phase, teacher.phase)
    louder = replace(recipe, phase=1.05)
    more = distillation_loss(student(mel), teacher, louder)["output"] - terms["output"]
    assert more.item() == pytest.approx(10 * phase.item(), rel=1e-4)


TINY = """
import sys
from pathlib import Path
import numpy as np, torch
from neurodeploy.zoo.data.manifest import Recording
from neurodeploy.zoo.data.speech import Speech
from neurodeploy.zoo.models.discriminators import DiscriminatorConfig
from neurodeploy.zoo.models.spiking_vocos import SpikingVocosConfig, spiking_vocos
from neurodeploy.zoo.models.vocoders import MEL_16K, VOCODERS
from neurodeploy.zoo.models.vocos import VocosConfig, vocos
from neurodeploy.zoo.train.checkpoint import save_weights
from neurodeploy.zoo.train.distillation import DistillationRecipe
from neurodeploy.zoo.train.vocoder_recipes import VocoderRecipe
from neurodeploy.zoo.train.vocoding import train

def run(out, report=lambda step, steps, metrics: None, **options):
    size = dict(mel=MEL_16K, width=32, hidden=32, blocks=1)
    VOCODERS["tiny"] = lambda: vocos(VocosConfig(**size))
    VOCODERS["spiking_tiny"] = lambda: spiking_vocos(SpikingVocosConfig(**size, shift=False))
    twin = Path(out).parent / "tiny.safetensors"
    torch.manual_seed(0)
    save_weights(twin, VOCODERS["tiny"]())
    judges = DiscriminatorConfig((2, 3), (2, 4), (128,), 2)
    recipe = VocoderRecipe(steps=5, batch=2, samples=1280, adversarial_from=1, save_every=2,
                           discriminators=judges, distillation=DistillationRecipe(), phase=1.0,
                           warm_start=True, validate_every=4, validation=1, resolutions=True)
    sound = np.random.default_rng(0).normal(size=9000).astype(np.float32)
    speech = Speech((Recording("a", "speech", "train", "made", "a", 9000, "CC0"),), lambda _: sound)
    return train("spiking_tiny", (speech, speech), "test", Path(out), twin=twin, recipe=recipe,
                 report=report, **options)
"""
KILLED = """
import os, signal
run(sys.argv[1], lambda step, steps, m: os.kill(os.getpid(), signal.SIGKILL) if step == 4 else 0)
"""


def test_adversarial_training_that_was_killed_goes_on_with_the_same_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightning_fabric")
    from neurodeploy.zoo.models.vocoders import VOCODERS
    from neurodeploy.zoo.train.devices import Devices
    from neurodeploy.zoo.train.vocoding import train

    for name in ("tiny", "spiking_tiny"):
        monkeypatch.setitem(VOCODERS, name, VOCODERS["vocos_small"])  # and removed at the end
    command = [sys.executable, "-c", TINY + KILLED, str(tmp_path / "killed")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, cwd=ROOT, env=environment).returncode == -signal.SIGKILL
    lines = (tmp_path / "killed" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 3 and "deception" in lines[2]
    here: dict[str, Any] = {}
    exec(TINY, here)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for out in ("killed", "whole"):
        here["run"](tmp_path / out)
    torch.set_num_threads(threads)
    for file in ("metrics.jsonl", "metrics.json", "spiking_tiny.safetensors"):
        whole, killed = ((tmp_path / out / file).read_bytes() for out in ("whole", "killed"))
        assert whole == killed
    mixed = here["run"](tmp_path / "mixed", devices=Devices("bf16", accelerator="cpu"))
    assert mixed["precision"] == "bf16" and math.isfinite(mixed["history"][-1]["val"]["mel"])
    with pytest.raises(ConfigError, match="checkpoint-foreign"):
        here["run"](tmp_path / "mixed")
    with pytest.raises(ConfigError, match="needs its trained twin"):
        train("spiking_vocos_small_distilled", (None, None), "test", tmp_path / "none")  # type: ignore[arg-type]


def test_discriminators_need_no_square_inputs() -> None:
    judges = Discriminators(DiscriminatorConfig((3,), (2, 4), (128,), 2))
    (period,), (window,) = judges(torch.randn(1, 1001))
    assert period[-1].shape[-1] == 3 and window[-1].shape[2] == 1001 // 32 + 1
