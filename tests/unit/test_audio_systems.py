"""Audio systems side by side: what is counted, and what is left open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch

from neurodeploy.bench import audio_counts, audio_systems, coding
from neurodeploy.bench.audio_counts import vocoder
from neurodeploy.bench.audio_records import AudioSystem, AudioSystems, Score, read_audio_systems
from neurodeploy.bench.audio_systems import _known
from neurodeploy.bench.energy_records import SecondEnergy
from neurodeploy.bench.enhancement_systems import digest_of
from neurodeploy.bench.provenance import provenance
from neurodeploy.errors import ConfigError
from neurodeploy.hardware import load_hardware
from neurodeploy.report import write_report
from neurodeploy.report.audio_sections import build_audio
from neurodeploy.zoo.codec.weights import save_codec
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.models.spiking_esc import spiking_esc
from tests.codec_files import SMALL


def test_macs_of_a_second_are_the_architectures_and_untrained_spikes_are_no_result() -> None:
    """Published: N (C k + 2 C D) a frame in the blocks; embedding and head beside them."""
    dense, spiking = (vocoder(name, None, []) for name in ("vocos_small", "spiking_vocos_small"))
    blocks = 6 * (192 * 7 + 2 * 192 * 576)
    assert dense.macs_per_s == {"backbone": 100 * (blocks + 700 * 192), "head": 100 * 192 * 642}
    assert dense.work is not None and dense.work.inference_s == pytest.approx(0.96)
    assert spiking.work is None and spiking.activity == ""


def test_a_trained_spiking_codec_is_priced_and_has_its_own_quality_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    name, quality = "spiking_esc_t1", {"stoi": Score(0.5, 0.1)}
    monkeypatch.setattr(audio_systems, "CODEC_TWINS", {"esc_tiny": "", name: "esc_tiny"})
    monkeypatch.setitem(CODECS, "esc_tiny", lambda: Esc(SMALL))
    monkeypatch.setitem(CODECS, name, lambda: spiking_esc(SMALL, 1))
    for module in (audio_counts, coding):
        monkeypatch.setattr(module, "COUNTED_S", 0.32)
    file = tmp_path / f"{name}.safetensors"
    save_codec(file, name, CODECS[name]())
    chips = [load_hardware("cmos45nm")]
    rows = {f"{name} 3": (digest_of(file), quality), f"{name} 1.5": ("another", quality)}
    twin, spiking = audio_systems._codecs({name: file}, rows, chips, streams=(2,))
    assert spiking.weights == digest_of(file) and twin.weights == "" and not twin.quality
    assert spiking.quality == quality
    priced = {(e.precision, e.model): e.energy_j or 0.0 for e in twin.energy}
    for e in spiking.energy:
        assert e.side == "snn" and 0.0 < (e.energy_j or 0.0) < 30.0 * priced[e.precision, e.model]
    assert spiking.neuron_updates_per_s and spiking.memory_words_per_s
    monkeypatch.setattr(audio_systems, "codec", lambda *given: audio_counts.Counted(1, {}))
    _, other = audio_systems._codecs({name: file}, rows, chips, streams=(1,))
    assert other.weights == digest_of(file) and not other.quality
    with pytest.raises(ConfigError, match=f"holds {name}"):
        list(audio_systems._codecs({"esc_tiny": file}, {}, chips))


def test_quality_is_of_the_weights_that_were_measured() -> None:
    rows = {"a": ("00", {"stoi": Score(0.5, 0.1)}), "b": ("ff", {"stoi": Score(0.9, 0.1)})}
    assert _known("a", "", rows) == rows["a"]
    assert _known("a", "ff", rows) == rows["b"]
    assert _known("a", "11", rows) == ("11", {})
    assert _known("c", "", rows) == ("", {})  # not trained


def test_a_page_keeps_the_results_and_says_what_is_not_known(tmp_path: Path) -> None:
    energy = SecondEnergy(
        "cmos45nm", "arithmetic", "fp32", "ann", 2e-3, 1e-3, 4e-3, "derived", "per-term", (), ("x",)
    )
    quality = {"pesq_wb": Score(2.0, 0.1)}
    dense = AudioSystem(
        "<b>ann", "vocoding", "ann", "", 9, {"all": 1e9}, "every product", "aa",
        None, None, 3e9, (energy,), quality,
    )  # fmt: skip
    untrained = replace(dense, name="snn", side="snn", twin="<b>ann", activity="", energy=())
    counted = replace(
        untrained, name="counted", activity="measured", energy=(replace(energy, energy_j=1e-3),)
    )
    results = AudioSystems(
        "t", provenance(), (dense, replace(untrained, weights="", quality={}), counted),
        {"vocoding": {"griffin_lim": quality}}, {"vocoding": "2 recordings"}, {},
    )  # fmt: skip
    write_report(results, tmp_path / "page.html")
    assert read_audio_systems(tmp_path / "page.json") == results
    page = (tmp_path / "page.html").read_text()
    assert "<b>ann" not in page and "&lt;b&gt;ann" in page and "griffin_lim" in page
    document = build_audio(results)
    assert [h[:2] for h in document.headlines] == [("<b>ann / counted", "2.0 ×")]
    unknown = [cell.text for cell in document.sections[0].tables[0].rows[1]]
    assert unknown[5:] == ["–"] * 3 + ["not trained: no quality figure", "not counted: not trained"]
