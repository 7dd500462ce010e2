from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodeploy.errors import ConfigError
from neurodeploy.zoo.audio.io import write_flac
from neurodeploy.zoo.data.clips import load_clips
from neurodeploy.zoo.data.labels import active_rms
from neurodeploy.zoo.data.manifest import MANIFEST, Recording, write_manifest
from neurodeploy.zoo.data.noisy_speech import Pool, draw_pair, open_pool, render_pair

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    recordings = []
    for split in ("train", "val"):
        for kind in ("speech", "noise"):
            for number in range(3):
                size = 14_000 + 9_000 * number
                x = (0.05 * rng.normal(size=size)).astype(np.float32)
                path = f"{kind}_{split}_{number}.flac"
                write_flac(folder / path, x)
                origin = f"{split}-{number}"
                recordings.append(Recording(path, kind, split, "made", origin, size, "CC0-1.0"))
    write_manifest(folder / MANIFEST, recordings)
    return folder


@pytest.fixture(scope="module")
def pool(corpus: Path) -> Pool:
    return open_pool(corpus, "train")


def test_mixtures_follow_the_challenges_recipe(pool: Pool) -> None:
    for seed in range(30):
        spec = draw_pair(pool, np.random.default_rng(seed), 1.5)
        assert spec == draw_pair(pool, np.random.default_rng(seed), 1.5)
        assert -5 <= spec.snr_db < 20 and -35 <= spec.level_db < -15
        assert all("train" in e.path for e in (*spec.speech, *spec.noise))
        pair = render_pair(spec, pool.load)
        noise = pair.noisy - pair.clean
        ratio = 20 * np.log10(active_rms(pair.clean) / active_rms(noise))
        level = 10 * np.log10(np.mean(pair.noisy.astype(np.float64) ** 2))
        assert ratio == pytest.approx(spec.snr_db, abs=0.05)
        assert level == pytest.approx(spec.level_db, abs=0.05)


def test_the_loss_is_the_stated_ratio() -> None:
    torch = pytest.importorskip("torch")
    from neurodeploy.zoo.train.si_snr import si_snr

    rng = np.random.default_rng(0)
    clean = rng.normal(size=8000)
    noise = rng.normal(size=8000)
    clean -= clean.mean()
    noise -= noise.mean() + (noise - noise.mean()) @ clean / (clean @ clean) * clean
    noise -= noise.mean()
    estimate = 0.3 * (clean + noise * np.linalg.norm(clean) / np.linalg.norm(noise) / 10) + 0.2
    value = si_snr(torch.from_numpy(estimate)[None], torch.from_numpy(clean)[None])
    assert value.item() == pytest.approx(20.0, abs=1e-3)


TINY = """
import sys
from importlib.util import find_spec
from pathlib import Path
from neurodeploy.zoo.data.noisy_speech import open_pool
from neurodeploy.zoo.models.enhancers import ENHANCERS
from neurodeploy.zoo.models.masking import MaskEnhancer
from neurodeploy.zoo.models.spiking_s4 import SpikingS4, SpikingS4Config
from neurodeploy.zoo.train.enhancement import EnhancementRecipe, train

def run(corpus, out, report=lambda step, steps, metrics: None, devices=None, start=None):
    ENHANCERS["tiny"] = lambda: MaskEnhancer(SpikingS4(SpikingS4Config(width=16, layers=1)))
    recipe = EnhancementRecipe(steps=6, batch=2, seconds=0.5, warmup=2, validate_every=4,
                               save_every=2, validation=2, validation_seconds=0.5)
    pools = open_pool(Path(corpus), "train"), open_pool(Path(corpus), "val")
    return train("tiny", pools, "test", Path(out), recipe=recipe, report=report, devices=devices,
                 start=start)
"""
KILLED = """
import os, signal
run(*sys.argv[1:], lambda step, steps, m: os.kill(os.getpid(), signal.SIGKILL) if step == 3 else 0)
"""


def test_training_that_was_killed_goes_on_with_the_same_losses(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightning_fabric")
    import torch

    from neurodeploy.zoo.models.enhancers import ENHANCERS

    monkeypatch.setitem(ENHANCERS, "tiny", ENHANCERS["spiking_s4"])  # and removed at the end

    command = [sys.executable, "-c", TINY + KILLED, str(corpus), str(tmp_path / "killed")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, cwd=ROOT, env=environment).returncode == -signal.SIGKILL
    steps = (tmp_path / "killed" / "metrics.jsonl").read_text().splitlines()
    assert len(steps) == 2  # the third was killed before it was written
    here: dict[str, Any] = {}
    exec(TINY, here)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for out in ("killed", "whole"):
        here["run"](corpus, tmp_path / out)
    torch.set_num_threads(threads)
    whole, killed = (
        [(tmp_path / out / name).read_text() for name in ("metrics.jsonl", "metrics.json")]
        for out in ("whole", "killed")
    )
    assert whole == killed and len(whole[0].splitlines()) == 6
    assert len(set(whole[0].splitlines())) == 6

    import torch

    from neurodeploy.zoo.train.checkpoint import read_tensors

    first = tmp_path / "whole" / "tiny.safetensors"
    second = here["run"](corpus, tmp_path / "second", start=first)
    assert second["recipe"]["perceptual"] > 0 and second["recipe"]["steps"] == 3
    *_, last_step, mean = second["history"]
    assert mean["start_share"] == 0.1 and mean["val"].keys() == last_step["val"].keys()
    assert mean["val"] != last_step["val"]
    losses = [json.loads(line)["loss"] for line in (tmp_path / "second/metrics.jsonl").open()]
    assert len(losses) == 3
    begun, kept = (read_tensors(f) for f in (first, tmp_path / "second" / "tiny.safetensors"))
    taken = read_tensors(tmp_path / "second" / "checkpoint.safetensors")
    for key, value in kept.items():
        if value.is_floating_point() and "decoder" not in key:  # whose level is matched in the end
            mean = 0.9 * taken[f"model/{key}"] + 0.1 * begun[key]
            torch.testing.assert_close(value, mean)
    with pytest.raises(ConfigError, match="checkpoint-foreign"):  # the same stage, other weights
        here["run"](corpus, tmp_path / "second", start=tmp_path / "second" / "tiny.safetensors")


@pytest.mark.xfail(
    shutil.which("cc") is None and find_spec("pesq") is None,
    reason="pesq is built from source, and there is no C compiler here",
    run=False,
)
def test_perceptual_distance_is_the_standards_and_has_a_gradient() -> None:
    """Against P.862.2's own program, before the mapping to MOS; its alignment has no part in it."""
    import torch

    from neurodeploy.zoo.train.perceptual_distance import PerceptualDistance

    pesq = pytest.importorskip("pesq").pesq
    distance = PerceptualDistance()
    clean = load_clips()[0].audio[:64_000]
    rng = np.random.default_rng(0)
    white = rng.normal(size=clean.size)
    for noise in (white, np.convolve(white, np.ones(20), "same")):
        for snr_db in (0, 10, 20):
            gain = np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-snr_db / 20)
            noisy = (clean + gain * noise).astype(np.float32)
            mos = pesq(16_000, clean, noisy, "wb")
            wanted = (3.8224 - np.log(4 / (mos - 0.999) - 1)) / 1.3669
            pair = [torch.from_numpy(x)[None] for x in (noisy, clean)]
            assert 4.5 - distance(*pair).item() == pytest.approx(wanted, abs=0.25)
    found = pair[0].clone().requires_grad_()
    distance(found, pair[1]).sum().backward()
    assert found.grad is not None and found.grad.isfinite().all()
    nearer = found.detach() - 0.05 * found.grad / found.grad.norm()
    assert distance(nearer, pair[1]) < distance(found, pair[1])
    assert distance(pair[1], pair[1]).item() < 0.01
    assert distance(3 * pair[0], pair[1]).item() == pytest.approx(4.5 - wanted, abs=0.25)


def test_a_run_in_bf16_trains_and_does_not_go_on_in_fp32(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightning_fabric")
    from neurodeploy.errors import NeurodeployError
    from neurodeploy.zoo.models.enhancers import ENHANCERS
    from neurodeploy.zoo.train.devices import Devices
    from neurodeploy.zoo.train.recipes import run_recipe

    monkeypatch.setitem(ENHANCERS, "tiny", ENHANCERS["spiking_s4"])
    here: dict[str, Any] = {}
    exec(TINY, here)
    metrics = here["run"](corpus, tmp_path, devices=Devices("bf16", accelerator="cpu"))
    assert metrics["precision"] == "bf16"
    assert np.isfinite(metrics["history"][-1]["val"]["si_snr"])
    with pytest.raises(NeurodeployError):
        here["run"](corpus, tmp_path)
    for name, precision in (("spiking_s4", "fp16"), ("vad", "bf16")):
        with pytest.raises(NeurodeployError, match="precision"):
            run_recipe(name, corpus, tmp_path / "other", precision=precision)
