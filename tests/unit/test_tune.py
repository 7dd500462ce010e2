"""`neurodeploy tune`: what it says it gained, and the files that it leaves."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("snntorch")

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.cli import main  # noqa: E402
from neurodeploy.cli._factory import load_module  # noqa: E402
from neurodeploy.ir.files import write_nir  # noqa: E402
from neurodeploy.zoo.train.checkpoint import load_weights, save_weights  # noqa: E402
from neurodeploy.zoo.train.tune import labelled_data  # noqa: E402

DT = 1e-3
MODEL = """
import snntorch as snn
from torch import nn

def build():
    return nn.Sequential(
        nn.Linear(6, 12, bias={bias}), snn.Leaky(0.75, init_hidden=True, threshold=0.5),
        {between}nn.Linear({width}, 3), snn.Leaky(0.9375, init_hidden=True, reset_mechanism="none"),
    )
"""


@pytest.fixture
def work(tmp_path):
    """Three classes of spike rates, and a network that tells them apart by chance alone."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    rates = np.where(np.arange(6) // 2 == labels[:, None], 0.6, 0.2)
    x = (rng.random((20, 60, 6)) < rates).astype(np.float32)
    np.savez(tmp_path / "data.npz", input=x, labels=labels)
    return tmp_path


def exported(work, bias=True, between="", width=12):
    (work / "model.py").write_text(MODEL.format(bias=bias, between=between, width=width))
    torch.manual_seed(1)
    module = load_module(f"{work / 'model.py'}:build")
    save_weights(work / "before.safetensors", module)
    write_nir(work / "net.nir", pipeline.to_nir(module, (6,), dt=DT).graph, {"dt": DT})
    return module


def tune(work, *more) -> int:
    files = (work / "net.nir", "--data", work / "data.npz", "-o", work / "tuned.ndp")
    arguments = ("tune", *files, "--bits", 3, "--steps", 25, "--lr", 0.02, *more)
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    return caught.value.code


def right(source, data) -> float:
    readout = pipeline.run(source, data.x, backend="cpu").output
    return float(np.mean(readout.sum(axis=0).argmax(axis=1) == data.labels))


@pytest.mark.parametrize("bias", [True, False])
def test_what_was_gained_and_what_is_left(work, capsys, bias):
    module = exported(work, bias)
    factory = (
        *("--module", f"{work / 'model.py'}:build"),
        *("--weights", work / "before.safetensors", "--json"),
    )
    # without a bias of its own, the module has no place for the one that was trained
    assert tune(work, *factory[: None if bias else 0], *(() if bias else ("--json",))) == 0
    gain = json.loads(capsys.readouterr().out)
    held_out = labelled_data(work / "data.npz", 1, batch=1).test
    assert gain["answers"] == len(held_out.labels) == 12
    assert gain["tuned"] == right(work / "tuned.ndp", held_out) > gain["rounded"]
    graphs = [work / "tuned.nir"]
    if bias:
        load_weights(work / "tuned.safetensors", module)
        graphs.append(pipeline.to_nir(module, (6,), dt=DT).graph)
    outputs = [pipeline.run(g, held_out.x, dt=DT).output for g in graphs]
    for output in outputs:
        np.testing.assert_allclose(output, outputs[0], rtol=0, atol=1e-4)
        assert np.mean(output.sum(axis=0).argmax(axis=1) == held_out.labels) >= gain["tuned"] - 0.1


def test_what_is_worse_than_rounding_on_training_data_is_not_kept(work, capsys):
    exported(work)
    first = ("--steps", 5, "--lr", 0.05, "--checkpoint", work / "state.safetensors")
    assert tune(work, *first) == 0  # of the tuned graph rounding is good
    integers = (work / "tuned.ndp").read_bytes()
    assert tune(work, *first) == 0  # all steps were taken
    assert (work / "tuned.ndp").read_bytes() == integers
    assert tune(work, *first, "--lr", 0.06) == 2
    assert "checkpoint-foreign" in capsys.readouterr().err
    (work / "tuned.nir").rename(work / "net.nir")
    capsys.readouterr()
    assert tune(work, "--lr", 1.0, "--bits", 8, "--steps", 1) == 0
    shown = capsys.readouterr()
    assert "rounded: no step was better" in shown.out
    assert "picked on training data" in shown.out + shown.err
    data = labelled_data(work / "data.npz", 1, batch=64)
    assert sum(x.shape[1] for x, _ in data.validation) == 9
    taken = {x.tobytes() for batch, _ in (data.batches[0], *data.validation)
             for x in np.asarray(batch).swapaxes(0, 1)}  # fmt: skip
    assert len(taken) == 48 and not taken & {x.tobytes() for x in data.test.x.swapaxes(0, 1)}


def test_weights_of_several_layers_leave_no_graph(work, capsys):
    exported(work, between="nn.Linear(12, 5, bias=False), ", width=5)
    assert tune(work) == 0
    assert "no tuned.nir" in capsys.readouterr().err
    assert (work / "tuned.ndp").is_file() and not (work / "tuned.nir").exists()


@pytest.mark.parametrize(
    ("arrays", "rule"),
    [
        ({"input": np.zeros((4, 9, 6))}, "array"),
        ({"input": np.zeros((4, 9, 6)), "labels": np.zeros(8, int)}, "shape"),
        ({"input": np.zeros((4, 9, 6)), "labels": np.zeros(9)}, "shape"),
        ({"input": np.zeros((4, 2, 6)), "labels": np.zeros(2, int)}, "samples"),
    ],
)
def test_arrays_that_do_not_belong_together(work, capsys, arrays, rule):
    exported(work)
    np.savez(work / "data.npz", **arrays)
    assert tune(work) == 2
    assert f"[{rule}]" in capsys.readouterr().err


def test_a_class_without_an_output_is_said(work, capsys):
    exported(work)
    arrays = np.load(work / "data.npz")
    np.savez(work / "data.npz", input=arrays["input"], labels=arrays["labels"] + 9)
    assert tune(work) == 2
    assert "labels [range]: classes 9 to 11, and the output has 0 to 2" in capsys.readouterr().err
