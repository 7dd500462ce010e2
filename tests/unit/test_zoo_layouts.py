from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurodeploy.bench.enhancement import voicebank_set
from neurodeploy.errors import DataError
from neurodeploy.zoo.audio.io import write_audio
from neurodeploy.zoo.data.layouts import noise_layout, speech_layout
from neurodeploy.zoo.data.manifest import MANIFEST, read_manifest
from neurodeploy.zoo.data.prepare import prepare_corpus
from neurodeploy.zoo.data.voicebank import voicebank_files


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_libritts_and_librispeech_agree_on_their_speakers_splits(tmp_path: Path) -> None:
    speakers = [str(n) for n in range(40)]
    tts = touch(
        tmp_path / "tts", *(f"train-clean-100/{s}/12/{s}_12_000003_000001.wav" for s in speakers)
    )
    libri = touch(
        tmp_path / "libri", *(f"train-clean-100/{s}/12/{s}-12-0003.flac" for s in speakers)
    )
    found = []
    for name, root in (("libritts", tts), ("librispeech", libri)):
        layout, items = speech_layout(root)
        assert layout == name
        found.append({item.origin: item.split for item in items(root)})
    assert found[0] == found[1] and len(set(found[0].values())) == 3
    test = touch(tmp_path / "test", "test-clean/9/1/9_1_000000_000000.wav")
    assert [i.split for i in speech_layout(test)[1](test)] == ["test"]


def test_dns_readers_and_plain_folders_stay_together(tmp_path: Path) -> None:
    names = [
        f"read_speech/book_{b:05d}_chp_0001_reader_{r:05d}_{b}_seg_0.wav"
        for b in range(3)
        for r in range(30)
    ]
    dns = touch(tmp_path / "clean_fullband", *names, "french_speech/a/b.wav")
    layout, items = speech_layout(dns)
    splits: dict[str, set[str]] = {}
    for item in items(dns):
        splits.setdefault(item.origin, set()).add(item.split)
    assert layout == "dns" and len(splits) == 31 and all(len(s) == 1 for s in splits.values())
    plain = touch(tmp_path / "mine", "ann/1.wav", "ann/2.ogg", "bob/1.flac", "carl.wav", "x.txt")
    layout, items = speech_layout(plain)
    assert layout == "speech_mine"
    assert [i.origin for i in items(plain)] == ["mine-ann", "mine-ann", "mine-bob", "mine-carl"]
    noise = touch(tmp_path / "noise_fullband", "street.wav", "rain.wav")
    layout, items = noise_layout(noise)
    assert layout == "noise_noise_fullband" and len({i.origin for i in items(noise)}) == 2
    with pytest.raises(DataError, match="folder-empty"):
        list(speech_layout(tmp_path / "nothing")[1](touch(tmp_path / "nothing", "x.txt")))


def test_a_plain_folder_becomes_a_corpus(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("ann/1.wav", "bob/1.wav"):
        write_audio(tmp_path / "mine" / name, (0.1 * rng.normal(size=20_000)).astype(np.float32))
    prepare_corpus(tmp_path / "corpus", packages=False, speech_folder=tmp_path / "mine")
    recordings = read_manifest(tmp_path / "corpus" / MANIFEST)
    assert {r.origin for r in recordings} == {"mine-ann", "mine-bob"}
    assert {r.licence for r in recordings} == {"as given"}


def test_voicebank_is_read_in_its_publishers_layout(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    clean = (0.1 * rng.normal(size=8_000)).astype(np.float32)
    for folder in ("trainset_28spk", "testset"):
        for name in ("p226_001.wav", "p230_001.wav"):
            write_audio(tmp_path / f"clean_{folder}_wav" / name, clean)
            write_audio(tmp_path / f"noisy_{folder}_wav" / name, clean + np.float32(0.01))
    files = voicebank_files(tmp_path)
    assert [(f.split, f.speaker) for f in files] == [
        ("test", "p226"), ("test", "p230"), ("val", "p226"), ("train", "p230")
    ]  # fmt: skip
    pairs = voicebank_set(tmp_path).pairs
    assert len(pairs) == 2 and np.allclose(pairs[0].noisy - pairs[0].clean, 0.01, atol=1e-4)
    (tmp_path / "clean_testset_wav" / "p230_001.wav").unlink()
    with pytest.raises(DataError, match="pair-missing"):
        voicebank_files(tmp_path)
