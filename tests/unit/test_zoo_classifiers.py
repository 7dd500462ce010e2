"""The classifiers' data, encoding, networks and recipes, on generated recordings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch

from neurodeploy.errors import ConfigError, DataError
from neurodeploy.zoo.audio.io import read_audio
from neurodeploy.zoo.data import braille as braille_data
from neurodeploy.zoo.data import digits as digits_data
from neurodeploy.zoo.data.clips import load_clips
from neurodeploy.zoo.data.sequences import Sequences, Split, decide
from neurodeploy.zoo.evaluation import evaluation_sets
from neurodeploy.zoo.level_crossings import level_crossings
from neurodeploy.zoo.models.braille import Braille, braille
from neurodeploy.zoo.models.digits import Digits, digits
from neurodeploy.zoo.train.batches import Batches, class_loss, frame_loss
from neurodeploy.zoo.train.braille import Slides, braille_task, other_slide
from neurodeploy.zoo.train.checkpoint import read_tensors
from neurodeploy.zoo.train.classifier import ClassifierRecipe, batch_at, train
from neurodeploy.zoo.train.digits import Voices, digits_task, other_voice
from neurodeploy.zoo.train.recipes import run_recipe

TINY = ClassifierRecipe(steps=4, batch=6, warmup=1, validate_every=2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), step=st.sampled_from([1, 3, 6]))
def test_events_lead_back_to_a_signal_that_moves_less_than_a_step(seed: int, step: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.integers(-step, step + 1, (50, 2, 3)), axis=0)
    spikes = level_crossings(x, step, start=x[0]).astype(np.int64)
    assert spikes.shape == (50, 2, 6)
    rebuilt = x[0] + step * np.cumsum(spikes[..., :3] - spikes[..., 3:], axis=0)
    # it lags by less than two steps: one of the grid, one of the change within a time step
    assert np.abs(rebuilt - x).max() < 2 * step
    assert not (spikes[..., :3] & spikes[..., 3:]).any()


def test_a_jump_becomes_one_event_a_step_until_it_is_followed() -> None:
    x = np.zeros((8, 1, 1))
    x[2:] = 10
    events = level_crossings(x, 3)[:, 0]
    assert events[:, 0].tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert not events[:, 1].any()


def by_the_equations(model: Digits | Braille, x: np.ndarray) -> np.ndarray:
    """The documented equations in float64, without snnTorch."""
    w = {k: v.double().numpy() for k, v in model.state_dict().items()}
    soft = isinstance(model, Digits)
    back = w["lif.recurrent.weight" if soft else "recurrent.weight"]
    i = v = s = np.zeros((x.shape[1], model.config.hidden))
    out, membranes = np.zeros((x.shape[1], model.config.classes)), []
    for frame in x:
        i = w["lif.alpha"] * i + frame @ w["fc1.weight"].T + s @ back.T
        v = w["lif.beta"] * v + i - (w["lif.threshold"] * s if soft else 0)
        s = (v > w["lif.threshold"]).astype(float)
        v = v if soft else v * (1 - s)
        out = w["readout.beta"] * out + s @ w["fc2.weight"].T
        membranes.append(out)
    return np.stack(membranes)


@pytest.mark.parametrize("make", [digits, braille])
def test_the_networks_are_their_documented_equations(make) -> None:
    torch.manual_seed(1)
    model = make().double()
    with torch.no_grad():  # every neuron its own constants
        for name, low, high in (("alpha", 0.3, 0.9), ("beta", 0.5, 0.98), ("threshold", 0.5, 2.0)):
            getattr(model.lif, name).uniform_(low, high)
    model.lif.register_forward_hook(lambda m, a, out: (out[0].double(), *out[1:]))
    rng = np.random.default_rng(1)
    x = (rng.random((60, 3, model.config.channels)) < 0.2).astype(np.float64)
    with torch.no_grad():
        membranes = model(torch.from_numpy(x)).numpy()
    assert np.abs(membranes).max() > 1
    np.testing.assert_allclose(membranes, by_the_equations(model, x), atol=1e-9)


def test_the_decision_is_the_largest_sum_over_time() -> None:
    readout = np.array([[[3, 0], [1, 2]], [[-4, 0], [1, 1]]], dtype=np.int32)
    assert decide(readout).tolist() == [1, 1]


def test_words_become_sparse_events_of_their_bands_and_silence_none() -> None:
    audio = load_clips()[0].audio[:12_000]
    levels = digits_data.digit_levels(audio)
    assert levels.shape == (digits_data.STEPS, 32)
    assert levels.max() <= 63
    assert not levels[75:].any()
    spikes = digits_data.encode_digits(levels[:, None])
    assert spikes.shape == (digits_data.STEPS, 1, 64)
    assert 0 < spikes.mean() < 0.3
    assert not digits_data.encode_digits(np.zeros_like(levels)[:, None]).any()


def test_a_folder_without_all_recordings_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "3_theo_7.wav", np.zeros(4000), 8000)
    with pytest.raises(DataError, match=r"2999 of 3000 recordings are missing, such as 0_george_0"):
        digits_data.read_digits(tmp_path)
    with pytest.raises(ConfigError, match="speaker-unknown"):
        digits_data.read_digits(tmp_path, held_out="ada")


def test_recordings_of_a_folder_are_split_and_told_from_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = digits_data.Published(("ann", "bob"), 12).names
    for name in names:
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(0, 0.1, 800), 8000)
    with pytest.raises(DataError, match="data-checksum") as error:
        digits_data.read_digits(tmp_path, published=digits_data.Published(("ann", "bob"), 12))
    digest = re.findall(r"[0-9a-f]{64}", str(error.value))[0]
    known = digits_data.Published(("ann", "bob"), 12, digest)
    official = digits_data.read_digits(tmp_path, published=known)
    without = digits_data.read_digits(tmp_path, published=known, held_out="bob")
    sizes = [[len(s.labels) for s in (x.train, x.val, x.test)] for x in (official, without)]
    assert sizes == [[40, 100, 100], [70, 50, 120]]
    audio = read_audio(tmp_path / "7_bob_3.wav")
    expected = digits_data.digit_levels(audio)
    bob = [name for name in names if "bob" in name]
    at = bob.index("7_bob_3")
    assert np.array_equal(without.test.levels[:, at], expected)
    assert without.test.labels[at] == 7


def test_braille_files_that_are_missing_other_or_damaged_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "letters.npz"
    with pytest.raises(DataError, match="data-missing"):
        braille_data.read_braille(path)
    path.write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(DataError, match=r"data-unreadable\]: is no \.npz"):
        braille_data.read_braille(path)
    np.savez_compressed(path, letter=np.arange(999))
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes(40) + whole[100:])
    with pytest.raises(DataError, match="data-unreadable"):
        braille_data.read_braille(path)
    np.savez(path, taxel_data=np.zeros((3, 4)), letter=np.array(["A", "B", "C"]))
    with pytest.raises(DataError) as error:
        braille_data.read_braille(path)
    assert [d.detail for d in error.value.diagnostics] == [
        "has no 3-dimensional array taxel_data",
        "has no 1-dimensional array repetition",
    ]
    letters, repetition = np.array(["A"]), np.zeros(1, dtype=np.int64)
    np.savez(path, taxel_data=np.zeros((1, 9, 12)), letter=letters, repetition=repetition)
    with pytest.raises(DataError, match="data-checksum"):
        braille_data.read_braille(path)


def words(batch: int = 30, seed: int = 0) -> Sequences:
    """Rising and falling tones: three classes that the encoder can tell apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, batch)
    t = np.arange(40)[:, None, None]
    band = np.arange(32)
    centre = 16 + (labels[None, :, None] - 1) * (t - 20) * 0.6 + rng.normal(0, 1, (1, batch, 1))
    levels = 60 * np.exp(-(((band - centre) / 3) ** 2)) * (t < 30)
    return Sequences(levels.astype(np.uint8), labels.astype(np.int64), ("0", "1", "2"))


def test_other_voices_are_moved_words_and_none_at_all_changes_nothing() -> None:
    levels = words().levels
    rng = np.random.default_rng(0)
    same = other_voice(levels, rng, Voices(delay=0, tempo=0.0, bands=0, level=0, mask=0))
    assert np.array_equal(same, levels)
    louder = other_voice(levels, rng, Voices(delay=0, tempo=0.0, bands=0, level=5, mask=0))
    assert not louder[levels == 0].any()
    assert np.abs(louder.astype(int) - levels).max() == 5
    late = other_slide(levels, rng, Slides(delay=9, tempo=0.0))
    assert all(
        any(np.array_equal(late[k:, b], levels[: 40 - k, b]) for k in range(10)) for b in range(30)
    )


def test_interrupted_training_continues_bit_for_bit(tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    def stop(step: int, steps: int, metrics: dict[str, float]) -> None:
        if step == 3:  # one step after the checkpoint, which must be done again
            raise Interrupted

    split = Split(words(), words(seed=1), words(seed=2))
    task = digits_task(recipe=TINY)
    whole = train(task, split, tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(task, split, tmp_path / "cut", report=stop)
    torch.manual_seed(99)  # nothing may depend on the random state of the process
    resumed = train(task, split, tmp_path / "cut")
    assert json.dumps(resumed) == json.dumps(whole)
    name = "digits.safetensors"
    assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()
    with pytest.raises(ConfigError, match="checkpoint-foreign"):
        train(digits_task("theo", recipe=TINY), split, tmp_path / "cut")


def test_training_learns_and_keeps_the_neurons_in_range(tmp_path: Path) -> None:
    recipe = ClassifierRecipe(
        steps=20,
        batch=16,
        lr=0.02,
        warmup=2,
        validate_every=20,
        beta=(0.0, 0.9),
        alpha=(0.6875, 0.75),
    )
    task = digits_task(recipe=recipe)
    metrics = train(task, Split(words(60), words(seed=1), words(seed=2)), tmp_path)
    assert metrics["test"]["accuracy"] > 0.6
    tensors = read_tensors(tmp_path / "digits.safetensors")
    assert float(tensors["lif.beta"].max()) <= np.float32(0.9)
    assert float(tensors["lif.alpha"].min()) >= 0.6875
    assert float(tensors["lif.alpha"].max()) <= 0.75
    assert float(tensors["lif.beta"].std()) > 0  # each neuron learned its own
    assert not tensors["lif.recurrent.bias"].any()


def test_batches_are_functions_of_the_step() -> None:
    for task in (digits_task(), braille_task()):
        x, y = batch_at(task, words(), 3)
        again, _ = batch_at(task, words(), 3)
        other, _ = batch_at(task, words(), 4)
        assert x.shape == (40, 30, 64) and y.shape == (30,)
        assert torch.equal(x, again) and not torch.equal(x, other)
        assert set(x.unique().tolist()) == {0.0, 1.0}


def test_a_held_out_speaker_where_there_are_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only digits have speakers"):
        run_recipe("braille", tmp_path, tmp_path, held_out="theo")
    with pytest.raises(ConfigError, match="variant-unknown"):
        run_recipe("vda", tmp_path, tmp_path)


def test_batches_for_fine_tuning_are_made_when_asked_for_and_follow_the_recipe() -> None:
    task = braille_task()
    made: list[int] = []

    def at(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        made.append(step)
        return batch_at(task, words(), step)

    batches = Batches(at, 3)
    assert made == []
    assert len(batches) == 3
    assert torch.equal(batches[-1][0], batches[2][0])
    assert [y.shape for _, y in batches] == [(30,)] * 3
    assert made == [2, 2, 0, 1, 2]
    with pytest.raises(IndexError):
        batches[3]


def test_losses_are_those_of_the_recipes() -> None:
    readout, classes = torch.randn(7, 4, 3), torch.tensor([0, 2, 1, 1])
    log = torch.log_softmax(readout.sum(0) / 7, dim=1)
    assert class_loss(readout, classes) == pytest.approx(float(-log[range(4), classes].mean()))
    speech = torch.tensor([[True, False]] * 7)
    p = torch.sigmoid(readout[:, :2, :1])[..., 0].double()
    likely = torch.where(speech, p, 1 - p)
    assert frame_loss(readout[:, :2, :1], speech) == pytest.approx(float(-likely.log().mean()))


def test_data_for_measuring_are_refused_as_those_for_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'mnist' is not one of vad, vad_zero, digits, braille"):
        evaluation_sets("mnist", tmp_path)
    with pytest.raises(DataError, match="data-missing"):
        evaluation_sets("digits", tmp_path)
    with pytest.raises(DataError, match="manifest-missing"):
        evaluation_sets("vad", tmp_path)
