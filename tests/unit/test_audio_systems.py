"""Audio systems side by side: what is counted, and what is left open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from neurodeploy.bench.audio_counts import vocoder
from neurodeploy.bench.audio_records import AudioSystem, AudioSystems, Score, read_audio_systems
from neurodeploy.bench.audio_systems import _known
from neurodeploy.bench.energy_records import SecondEnergy
from neurodeploy.bench.provenance import provenance
from neurodeploy.report import write_report
from neurodeploy.report.audio_sections import build_audio


def test_macs_of_a_second_are_the_architectures_and_untrained_spikes_are_no_result() -> None:
    """Published: N (C k + 2 C D) a frame in the blocks; embedding and head beside them."""
    dense, spiking = (vocoder(name, None, []) for name in ("vocos_small", "spiking_vocos_small"))
    blocks = 6 * (192 * 7 + 2 * 192 * 576)
    assert dense.macs_per_s == {"backbone": 100 * (blocks + 700 * 192), "head": 100 * 192 * 642}
    assert dense.work is not None and dense.work.inference_s == pytest.approx(0.96)
    assert spiking.work is None and spiking.activity == ""


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
