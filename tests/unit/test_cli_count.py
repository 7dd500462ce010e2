"""`neurodeploy count`: tables and JSON of all three roads, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.cli import main

VAD = str(Path(__file__).parents[2] / "exports" / "vad.nir")
MODEL = """
import torch
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))

class Spectrum(nn.Module):
    def forward(self, x):
        return torch.fft.rfft(x)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as done:
        main(["count", *arguments])
    return int(done.value.code or 0)


def counted(capsys, *arguments: str):
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def dense(record) -> int:
    return sum(row["dense_macs"] for row in record["layers"])


def test_a_graph_by_its_shapes_and_a_run_of_it_core_by_core(work, capsys):
    graph = counted(capsys, VAD)
    np.save("x.npy", np.random.default_rng(0).random((5, 2, 40)))
    trace = counted(capsys, VAD, "--input", "x.npy", "--hw", "loihi1")
    assert dense(trace) == trace["samples"] * trace["steps"] * dense(graph)
    assert {row["core"] for row in trace["layers"]} == {0}
    assert not graph["exact_values"] and trace["exact_values"]


def test_a_module_by_its_shape_and_on_data(work, capsys):
    pytest.importorskip("torch")
    shape = counted(capsys, "model.py:build", "--shape", "1,4,4")
    np.save("x.npy", np.ones((3, 1, 4, 4)))
    data = counted(capsys, "model.py:build", "--input", "x.npy")
    assert dense(data) == 3 * dense(shape) == 3 * (2 * (3 * 4 - 2) ** 2 + 96)
    assert data["layers"][0]["effective"]["binary"] == 3 * 200


def test_the_convention_is_named_and_followed(work, capsys):
    pytest.importorskip("torch")
    assert run("model.py:build", "--shape", "1,4,4", "--convention", "nd-2(padding=in)") == 0
    out = capsys.readouterr().out
    assert "nd-2(padding=in)" in out
    assert "288" in out  # 2 channels, 16 positions, 9 taps


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["model.py:build"], 2, "give --input or --shape"),
        (["model.py:build", "--shape", "1,4,x"], 2, "--shape"),
        (["model.py:build", "--shape", "7"], 2, "forward() on (1, 7)"),
        (["model.py:Spectrum", "--shape", "8", "--strict"], 1, "aten._fft_r2c"),
        (["model.py:build", "--shape", "1,4,4", "--convention", "nd-1"], 2, "no convention"),
        (["net.nir", "--hw", "loihi1"], 2, "counted in a run"),
    ],
)
def test_refusals(work, capsys, arguments, code, words):
    pytest.importorskip("torch")
    assert run(*arguments) == code
    assert words in capsys.readouterr().err


def test_what_is_not_counted_is_said(work, capsys):
    pytest.importorskip("torch")
    assert run("model.py:Spectrum", "--shape", "8") == 0
    assert "not counted: aten._fft_r2c, 1 calls" in capsys.readouterr().out
