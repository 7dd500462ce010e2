"""The shipped vocoders: weights load, graph = weights, integers = the graph's = Lava's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.ir.array_files import read_arrays
from neurodeploy.ir.files import read_nir
from neurodeploy.resources import resource, resource_names
from tests.shipped import (
    assert_equal_graphs,
    assert_equal_outputs,
    assert_lavas,
    assert_training_is_told,
)

pytest.importorskip("torch")
from neurodeploy.zoo.denoisers import open_program
from neurodeploy.zoo.models.spiking_vocos_graph import to_graph
from neurodeploy.zoo.models.spiking_vocos_loihi import loihi_backbone
from neurodeploy.zoo.models.vocoders import VOCODERS, load_vocoder

WEIGHTS = [n for n in resource_names("exports", ".safetensors") if n.split(".")[0] in VOCODERS]
CHIP = "spiking_vocos_loihi_small"
INTEGERS = [n for n in resource_names("exports", ".ndp") if n.startswith(CHIP)]
STEPS = 28  # seven frames: kernels are full


@pytest.fixture(scope="module")
def levels() -> Any:
    return read_arrays(resource("exports", f"{CHIP}_calibration.npz"))["input"][400:, :1][:STEPS]


@pytest.mark.parametrize("file", WEIGHTS)
def test_weights_are_those_whose_training_is_told(file: str) -> None:
    assert_training_is_told(file, load_vocoder(resource("exports", file)))


def test_graph_is_what_the_weights_export_to() -> None:
    backbone = loihi_backbone(load_vocoder(resource("exports", f"{CHIP}.safetensors")).double())
    shipped, manifest = read_nir(resource("exports", f"{CHIP}.nir"))
    assert manifest["dt"] == backbone.chip.config.dt
    assert_equal_graphs(shipped, to_graph(backbone.chip))


def test_the_integers_are_the_graphs(levels: Any) -> None:
    anew, shipped = (
        open_program(resource("exports", f"{CHIP}{s}"), "cpu") for s in (".nir", ".ndp")
    )
    assert_equal_outputs(shipped, anew, levels)


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize("file", INTEGERS)
def test_the_integers_are_lavas(file: str, levels: Any) -> None:
    assert_lavas(open_program(resource("exports", file), "cpu"), levels)


@pytest.mark.parametrize("file", INTEGERS)
def test_every_state_is_the_references(file: str, levels: Any) -> None:
    fixed = open_program(resource("exports", file), "cpu")
    ours = pipeline.run(fixed, levels, backend="cpu", probe="all")
    reference = pipeline.run(fixed, levels, backend="reference", probe="all")
    assert ours.states.keys() == reference.states.keys()
    assert all(np.array_equal(ours.states[key], reference.states[key]) for key in ours.states)
