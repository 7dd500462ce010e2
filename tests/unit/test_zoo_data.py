from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.errors import BackendUnavailable, ConfigError, DataError
from neurodeploy.resources import resource
from neurodeploy.zoo.data.clips import labels_from_segments, load_clips
from neurodeploy.zoo.data.debian import SOURCES, fetch_package
from neurodeploy.zoo.data.folders import esc_items, librispeech_items
from neurodeploy.zoo.data.labels import active_rms, segments, speech_frames
from neurodeploy.zoo.data.manifest import (
    MANIFEST,
    Recording,
    check_splits,
    read_manifest,
    split_by_origin,
    write_manifest,
)
from neurodeploy.zoo.data.mixing import draw_mixture, render, specs_digest
from neurodeploy.zoo.data.prepare import prepare_corpus
from neurodeploy.zoo.data.vad_sets import VadSet, vad_data


def burst(level_db: float, seconds: float, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=int(16_000 * seconds))
    return (x / np.sqrt(np.mean(x**2)) * 10 ** (level_db / 20)).astype(np.float32)


def test_labels_follow_the_stated_rule_on_bursts_of_known_level() -> None:
    quiet, silence = burst(-55.0, 0.5, 1), np.zeros(8000, dtype=np.float32)
    track = np.concatenate([silence, burst(-20.0, 0.5), silence, quiet, burst(-45.0, 0.5, 2)])
    labels = speech_frames(track)
    # -20 dB is the loud level; -45 dB lies within 30 dB of it, -55 dB does not
    # two frames still hear the burst's end (25 ms window), then 8 frames of hangover
    assert segments(labels) == [(0.5, 1.1), (2.0, 2.5)]
    assert not speech_frames(silence).any()


def test_level_counts_active_frames_only() -> None:
    padded = np.concatenate([np.zeros(16_000, dtype=np.float32), burst(-26.0, 1.0)])
    assert 20 * np.log10(active_rms(padded)) == pytest.approx(-26.0, abs=0.2)


def test_segments_and_labels_are_inverse() -> None:
    labels = np.random.default_rng(0).random(300) < 0.7
    pairs = [list(pair) for pair in segments(labels)]
    assert np.array_equal(labels_from_segments(pairs, 300 * 160), labels)


def recordings(split: str) -> list[Recording]:
    kinds = [("speech", "a", 20_000), ("speech", "b", 50_000), ("noise", "c", 30_000)]
    return [Recording(f"{o}.flac", k, split, o, o, n, "CC0-1.0") for k, o, n in kinds]


def sounds(path: str) -> np.ndarray:
    size = {r.path: r.samples for r in recordings("test")}[path]
    return burst(-30.0, size / 16_000, seed=ord(path[0]))


def test_a_mixture_has_the_stated_ratio_and_level() -> None:
    specs = [draw_mixture(recordings("test"), seed, 4.0) for seed in range(20)]
    spec = dataclasses.replace(next(s for s in specs if s.speech), snr_db=6.0, level_db=-30.0)
    mixture = render(spec, sounds)
    speech = render(dataclasses.replace(spec, snr_db=200.0), sounds).audio
    assert 20 * np.log10(active_rms(speech)) == pytest.approx(-30.0, abs=0.3)
    noise = mixture.audio.astype(np.float64) - speech
    assert 20 * np.log10(active_rms(speech) / np.sqrt(np.mean(noise**2))) == pytest.approx(
        6.0, abs=0.3
    )
    assert np.array_equal(mixture.labels, speech_frames(speech))


def test_draws_repeat_themselves_and_stay_in_range() -> None:
    specs = [draw_mixture(recordings("test"), seed, 5.0) for seed in range(200)]
    again = [draw_mixture(recordings("test")[::-1], seed, 5.0) for seed in range(200)]
    assert specs_digest(specs) == specs_digest(specs[:])
    assert [s.snr_db for s in specs] == [s.snr_db for s in again]
    assert all(-5.0 <= s.snr_db <= 20.0 for s in specs)
    assert 0.03 < np.mean([not s.speech for s in specs]) < 0.2
    for s in specs:
        assert len({e.path for e in s.speech}) <= 1  # one speaker a mixture
        assert all(e.at + e.samples <= s.samples for e in s.speech)


def test_a_speaker_in_two_splits_is_refused() -> None:
    check_splits(recordings("test"))
    mixed = [*recordings("train")[:1], *recordings("test")]
    with pytest.raises(DataError, match=r"speech a \[split-mixed\]: occurs in test, train"):
        check_splits(mixed)


def test_package_voices_are_each_in_one_split_and_noise_goes_by_recording() -> None:
    splits: dict[str, set[str]] = {}
    for source in SOURCES:
        if source.kind == "speech":
            splits.setdefault(source.speaker, set()).add(source.split)
    assert splits == {
        "allison": {"train"}, "june": {"train"}, "carlo": {"val"}, "ivrvoice": {"test"}
    }  # fmt: skip
    drawn = [split_by_origin(f"recording {n}") for n in range(2000)]
    assert drawn.count("train") / 2000 == pytest.approx(0.7, abs=0.03)
    assert drawn.count("test") / 2000 == pytest.approx(0.2, abs=0.03)


def test_both_layouts_of_librispeech_split_by_speaker(tmp_path: Path) -> None:
    speakers = {"train-clean-100": range(30), "dev-clean": (901,), "test-clean": (902,)}
    for name, numbers in speakers.items():
        for speaker in numbers:
            folder = tmp_path / "own" / "LibriSpeech" / name / str(speaker) / "5"
            folder.mkdir(parents=True)
            for n in range(2):
                (folder / f"{speaker}-5-{n:04d}.flac").touch()
    flat = tmp_path / "flat" / "test_clean"
    flat.mkdir(parents=True)
    (flat / "77-1-0000.flac").touch()
    items = list(librispeech_items(tmp_path / "own"))
    assert len(items) == 64
    splits: dict[str, set[str]] = {}
    for item in items:
        splits.setdefault(item.origin, set()).add(item.split)
    assert all(len(s) == 1 for s in splits.values())
    assert (splits["librispeech-901"], splits["librispeech-902"]) == ({"val"}, {"test"})
    in_train_subset = [splits[f"librispeech-{n}"] for n in range(30)]
    assert in_train_subset.count({"train"}) > 20
    assert [i.split for i in librispeech_items(tmp_path / "flat")] == ["test"]


def test_esc_folds_become_splits_in_every_layout(tmp_path: Path) -> None:
    names = ["audio/1-100032-A-0.wav", "001 - Dog bark/4-4-B.ogg", "test/rain_5-181766-A.flac"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    found = {(i.split, i.origin) for i in esc_items(tmp_path)}
    assert found == {
        ("train", "freesound-100032"), ("val", "freesound-4"), ("test", "freesound-181766")
    }  # fmt: skip
    with pytest.raises(DataError, match="folder-empty"):
        list(librispeech_items(tmp_path))


def test_folders_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        prepare_corpus(tmp_path / "file", packages=False, speech_folder=tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        list(librispeech_items(tmp_path / "missing"))


def test_the_manifest_survives_a_round_trip_and_names_damaged_lines(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    write_manifest(path, recordings("val"))
    assert set(read_manifest(path)) == set(recordings("val"))
    path.write_text(path.read_text() + '{"path": "x"}\nnot json\n')
    with pytest.raises(DataError) as error:
        read_manifest(path)
    assert [d.where for d in error.value.diagnostics] == [f"{path}:4", f"{path}:5"]


def user_folders(root: Path, files: Sequence[Path]) -> tuple[Path, Path]:
    """LibriSpeech and ESC folders whose recordings are the shipped clips."""
    speech, noise = root / "speech", root / "noise"
    noise.mkdir()
    for number, (split, file) in enumerate(zip(("train", "val", "test_clean"), files, strict=True)):
        (speech / split).mkdir(parents=True)
        shutil.copy(file, speech / split / f"{number}-1-0000.flac")
        shutil.copy(file, noise / f"{number + 3}-{number}-A.flac")
    (speech / "train" / "9-1-0000.flac").write_bytes(b"damaged")
    return speech, noise


def test_a_corpus_from_folders_resumes_and_leaves_out_damaged_files(tmp_path: Path) -> None:
    clips = sorted(resource("exports", "clips").glob("*.flac"))[:3]
    speech, noise = user_folders(tmp_path, clips)
    corpus = tmp_path / "corpus"
    minutes = prepare_corpus(corpus, packages=False, speech_folder=speech)
    assert minutes == {"speech/test": 0.06, "speech/train": 0.06, "speech/val": 0.06}
    assert "audio-unreadable" in (corpus / "parts" / "librispeech.left_out.json").read_text()
    shutil.rmtree(speech)  # the finished source is not read again
    prepare_corpus(corpus, packages=False, speech_folder=speech, noise_folder=noise)
    manifest = read_manifest(corpus / MANIFEST)
    assert sorted(r.kind for r in manifest) == ["noise"] * 3 + ["speech"] * 3
    assert all((corpus / r.path).is_file() for r in manifest)

    which = VadSet("test", 3, 2.0, 1)
    fresh = vad_data(corpus, which, cache=tmp_path / "f.npz")
    assert fresh.x.shape == (200, 3, 40)
    shutil.rmtree(corpus / "speech")  # the cached features need no audio
    cached = vad_data(corpus, which, cache=tmp_path / "f.npz")
    assert np.array_equal(fresh.x, cached.x)
    assert np.array_equal(fresh.labels, cached.labels)
    with pytest.raises(DataError):  # another set is not in the cache
        vad_data(corpus, dataclasses.replace(which, first_seed=2), cache=tmp_path / "f.npz")


def test_no_source_and_no_apt_are_clear_errors(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(ConfigError, match="no-source"):
        prepare_corpus(tmp_path, packages=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendUnavailable, match="apt-get is not on this machine"):
        fetch_package("sonic-pi-samples", tmp_path)


def test_the_shipped_clips_are_complete_labelled_and_credited() -> None:
    folder = resource("exports", "clips")
    clips = load_clips()
    assert len(clips) == 10
    credits = (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for clip in clips:
        assert clip.audio.shape == (57_600,)
        assert clip.labels.shape == (360,)
        assert 0.3 < clip.labels.mean() < 0.8
        assert clip.licence in ("CC-BY-4.0", "CC-BY-3.0")
        assert clip.noise.endswith("CC0-1.0")
        assert f"| {clip.name}.flac | {clip.speech}, {clip.licence} |" in credits
    assert {c.snr_db for c in clips} >= {-5.0, 0.0, 5.0, 10.0, 20.0}
    assert sum(file.stat().st_size for file in folder.iterdir()) < 1_500_000


def test_a_damaged_clip_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clips.toml").write_text("[[clip]]\nfile = 'x.flac'\n")
    with pytest.raises(DataError):
        load_clips(tmp_path)
