from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from sklearn.linear_model import LogisticRegression

from neurodeploy.bench.metrics import roc_auc
from neurodeploy.errors import ConfigError, DataError
from neurodeploy.resources import resource
from neurodeploy.zoo.audio.logmel import LogMel
from neurodeploy.zoo.data.clips import load_clips
from neurodeploy.zoo.data.vad_sets import VadData
from neurodeploy.zoo.models.energy_vad import energy_scores
from neurodeploy.zoo.models.linear_vad import fit_linear_vad
from neurodeploy.zoo.models.silero_vad import silero_scores
from neurodeploy.zoo.models.vad import VARIANTS, Vad
from neurodeploy.zoo.train.checkpoint import load_weights, save_weights
from neurodeploy.zoo.train.loop import learning_rate
from neurodeploy.zoo.train.vad import VadRecipe, batch_at, train

TINY = VadRecipe(steps=4, batch=4, window=60, warmup=1, validate_every=2)


@pytest.fixture(scope="module")
def clips() -> VadData:
    shipped = load_clips()
    x = np.stack([LogMel().offline(c.audio) for c in shipped], axis=1)
    return VadData(x, np.stack([c.labels for c in shipped], axis=1), "clips")


def by_the_equations(model: Vad, x: np.ndarray) -> np.ndarray:
    """The documented equations in float64, without snnTorch."""
    w = {k: v.double().numpy() for k, v in model.state_dict().items()}
    layers = [("fc1", "lif1"), ("fc2", "lif2")]
    v = [np.zeros((x.shape[1], w[f"{fc}.bias"].size)) for fc, _ in layers]
    s = [np.zeros_like(each) for each in v]
    out, logits = np.zeros((x.shape[1], 1)), []
    for frame in x:
        signal = frame
        for k, (fc, lif) in enumerate(layers):
            drive = signal @ w[f"{fc}.weight"].T + w[f"{fc}.bias"]
            if model.config.reset_mechanism == "zero":
                v[k] = (1 - s[k]) * w[f"{lif}.beta"] * v[k] + drive
            else:
                v[k] = w[f"{lif}.beta"] * v[k] + drive - s[k] * w[f"{lif}.threshold"]
            s[k] = (v[k] > w[f"{lif}.threshold"]).astype(float)
            signal = s[k]
        out = w["readout.beta"] * out + signal @ w["fc3.weight"].T + w["fc3.bias"]
        logits.append(out)
    return np.stack(logits)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_network_is_its_documented_equations(variant: str, clips: VadData) -> None:
    torch.manual_seed(1)
    model = VARIANTS[variant]().double()
    for layer in (model.lif1, model.lif2):  # snnTorch's surrogates give float32 spikes
        layer.register_forward_hook(lambda module, args, out: (out[0].double(), out[1]))
    x = clips.x[:120, :3].astype(np.float64)
    with torch.no_grad():
        logits = model(torch.from_numpy(x)).numpy()
    assert logits.shape == (120, 3, 1)
    assert np.allclose(logits, by_the_equations(model, x), atol=1e-9)


def test_interrupted_training_continues_bit_for_bit(tmp_path: Path, clips: VadData) -> None:
    class Interrupted(Exception):
        pass

    def stop(step: int, steps: int, metrics: dict[str, float]) -> None:
        if step == 3:  # one step after the checkpoint, which must be done again
            raise Interrupted

    whole = train("vad", clips, clips, tmp_path / "whole", recipe=TINY)
    with pytest.raises(Interrupted):
        train("vad", clips, clips, tmp_path / "cut", recipe=TINY, report=stop)
    torch.manual_seed(99)  # nothing may depend on the random state of the process
    resumed = train("vad", clips, clips, tmp_path / "cut", recipe=TINY)
    assert json.dumps(resumed) == json.dumps(whole)
    assert [h["step"] for h in whole["history"]] == [2, 4]
    name = "vad.safetensors"
    assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()
    with pytest.raises(ConfigError, match="checkpoint-foreign"):
        train("vad_zero", clips, clips, tmp_path / "cut", recipe=TINY)


def test_training_lowers_the_loss_on_the_clips(tmp_path: Path, clips: VadData) -> None:
    recipe = VadRecipe(steps=25, batch=8, window=80, warmup=2, validate_every=25)
    losses: list[float] = []
    train(
        "vad_zero",
        clips,
        clips,
        tmp_path,
        recipe=recipe,
        report=lambda s, n, m: losses.append(m["loss"]),
    )
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:3])


def test_batches_and_rates_are_functions_of_the_step(clips: VadData) -> None:
    x, y = batch_at(clips, TINY, 3)
    again, _ = batch_at(clips, TINY, 3)
    other, _ = batch_at(clips, TINY, 4)
    assert x.shape == (60, 4, 40)
    assert y.shape == (60, 4)
    assert torch.equal(x, again)
    assert not torch.equal(x, other)
    assert float(x.max()) <= 63 / 64
    assert torch.equal(x * 64, (x * 64).round())
    recipe = VadRecipe()
    rates = [learning_rate(recipe, step) for step in range(recipe.steps)]
    assert max(rates) == rates[recipe.warmup] == recipe.lr
    assert rates[-1] < 0.03 * recipe.lr


def test_weights_of_another_shape_or_a_damaged_file_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "w.safetensors", torch.nn.Linear(2, 2))
    with pytest.raises(DataError, match=r"weights-mismatch.*missing, such as"):
        load_weights(tmp_path / "w.safetensors", VARIANTS["vad"]())
    save_weights(tmp_path / "w.safetensors", VARIANTS["vad_zero"]())
    with pytest.raises(DataError, match="reset_mechanism_val is 1, not 0"):
        load_weights(tmp_path / "w.safetensors", VARIANTS["vad"]())
    (tmp_path / "w.safetensors").write_bytes(b"\x10damaged")
    with pytest.raises(DataError, match="weights-unreadable"):
        load_weights(tmp_path / "w.safetensors", VARIANTS["vad"]())


def test_shipped_networks_beat_the_simple_baselines_on_the_shipped_clips(clips: VadData) -> None:
    audio = [c.audio for c in load_clips()]
    energy = roc_auc(clips.labels, energy_scores(audio))
    silero = roc_auc(clips.labels, silero_scores(audio))
    assert 0.5 < energy < silero
    for variant, make in VARIANTS.items():
        model = make()
        load_weights(resource("exports", f"{variant}.safetensors"), model)
        with torch.no_grad():
            scores = model(torch.from_numpy(clips.x))[..., 0].numpy()
        assert roc_auc(clips.labels, scores) > max(energy, 0.85)


def test_the_linear_baseline_is_logistic_regression(clips: VadData) -> None:
    ours = fit_linear_vad(clips.x, clips.labels, ridge=1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=2000)
    theirs.fit(clips.x.reshape(-1, 40).astype(np.float64), clips.labels.reshape(-1))
    assert np.allclose(ours.weights, theirs.coef_[0], atol=1e-3)
    assert ours.bias == pytest.approx(float(theirs.intercept_[0]), abs=1e-3)
    wide = fit_linear_vad(clips.x, clips.labels, context=3)
    changed = clips.x.copy()
    changed[200:] = 0.0
    assert np.array_equal(wide.scores(changed)[:200], wide.scores(clips.x)[:200])  # causal
