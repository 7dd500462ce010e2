"""The shipped enhancers: weights load, graph = weights, integers = the graph's = Lava's."""

from __future__ import annotations

from typing import Any

import pytest

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
from neurodeploy.zoo.denoisers import CHIP_STFT, open_program, shipped_network
from neurodeploy.zoo.models.enhancers import ENHANCERS, load_enhancer
from neurodeploy.zoo.models.spiking_s4_graph import to_graph

WEIGHTS = [n for n in resource_names("exports", ".safetensors") if n.split(".")[0] in ENHANCERS]
GRAPHS = [name for name in WEIGHTS if name.startswith("spiking_s4_loihi")]
INTEGERS = [n for n in resource_names("exports", ".ndp") if n.startswith("spiking_s4_loihi")]


@pytest.mark.parametrize("file", WEIGHTS)
def test_weights_are_those_whose_training_is_told(file: str) -> None:
    assert_training_is_told(file, load_enhancer(resource("exports", file)))


@pytest.mark.parametrize("file", GRAPHS)
def test_graph_is_what_the_weights_export_to(file: str) -> None:
    model = load_enhancer(resource("exports", file)).double()
    shipped, manifest = read_nir(resource("exports", file.replace("safetensors", "nir")))
    assert manifest["dt"] == CHIP_STFT.dt
    assert_equal_graphs(shipped, to_graph(model.network, CHIP_STFT.dt), rounding=1e-14)


def _levels(name: str) -> Any:
    return read_arrays(resource("exports", f"{name}_calibration.npz"))["input"][:8, :1]


@pytest.mark.parametrize("file", GRAPHS)
def test_the_integers_are_the_graphs(file: str) -> None:
    name = file.split(".")[0]
    anew = open_program(resource("exports", f"{name}.nir"), "cpu")
    shipped = open_program(shipped_network(name, "cpu"), "cpu")
    assert_equal_outputs(shipped, anew, _levels(name))


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize("file", INTEGERS)
def test_the_integers_are_lavas(file: str) -> None:
    levels = _levels(file.removesuffix(".ndp").removesuffix("_tuned"))
    assert_lavas(open_program(resource("exports", file), "cpu"), levels)
