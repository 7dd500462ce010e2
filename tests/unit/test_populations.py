"""Which NIR nodes become one population, and that nothing of it hangs on the order of a file."""

from __future__ import annotations

import itertools

import nir
import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.errors import VerificationError
from neurodeploy.ir.printer import print_program

DT = 1e-3
ONE = np.ones(3)


def membrane(tau: float) -> nir.LI:
    return nir.LI(tau=tau * ONE, r=4 * ONE, v_leak=0 * ONE)


def spiking(v_leak: float = 0.0, v_reset: float = 0.0) -> nir.LIF:
    parts = {"v_leak": v_leak, "v_reset": v_reset, "v_threshold": 1.0, "r": 4.0, "tau": 4e-3}
    return nir.LIF(**{key: value * ONE for key, value in parts.items()})


def graph(edges: list[tuple[str, str]], **nodes: nir.NIRNode) -> nir.NIRGraph:
    ports = {
        "in": nir.Input({"input": np.array([3])}),
        "out": nir.Output({"output": np.array([3])}),
    }
    return nir.NIRGraph({**ports, **nodes}, edges, type_check=False)


def chain(*names: str) -> list[tuple[str, str]]:
    return list(itertools.pairwise(("in", *names, "out")))


@pytest.mark.parametrize("last", [membrane(2e-3), spiking()], ids=["LI", "LIF"])
def test_a_current_joins_its_membrane_in_any_order_of_the_file(last):
    nodes = {"a": membrane(4e-3), "b": last}
    texts = set()
    for order in itertools.permutations(nodes):
        shuffled = graph(chain("a", "b"), **{name: nodes[name] for name in order})
        program = pipeline.load(shuffled, DT)
        assert [n.name for n in program.neurons] == ["b"]
        assert program.neurons[0].params["du"][0] == 0.25
        texts.add(print_program(program))
    assert len(texts) == 1


def test_of_three_filters_the_last_two_are_one_population():
    nodes = {"a": membrane(8e-3), "b": membrane(4e-3), "c": membrane(2e-3)}
    x = np.random.default_rng(0).random((30, 3))
    outputs = []
    for order in itertools.permutations(nodes):
        shuffled = graph(chain("a", "b", "c"), **{name: nodes[name] for name in order})
        program = pipeline.load(shuffled, DT)
        assert set(program.order) == {"a", "c"}
        outputs.append(pipeline.run(program, x).output)
    v = np.zeros((3, 3))
    for step, output in zip(x, outputs[0][:, 0], strict=True):
        drive = step
        for i, decay in enumerate((0.125, 0.25, 0.5)):
            v[i] = (1 - decay) * v[i] + 4 * decay * drive
            drive = v[i]
        np.testing.assert_allclose(output, drive, rtol=1e-12)
    assert all(np.array_equal(outputs[0], other) for other in outputs[1:])


def test_a_membrane_at_rest_on_its_reset_stays_there_until_its_first_input():
    """v_leak = v_reset, not 0: no bias, yet a start that would decay before the first input."""
    nodes = {"a": spiking(), "w": nir.Linear(np.eye(3)), "b": spiking(-0.5, -0.5)}
    compiled = pipeline.compile(
        graph(chain("a", "w", "b"), **nodes), calibration=np.ones((20, 3)), dt=DT
    )
    x = np.zeros((20, 3))
    real = pipeline.run(compiled.real, x, probe="b/v").aligned("b/v")
    fixed = pipeline.run(compiled.program, x, probe="b/v").real("b/v")
    assert real[0, 0, 0] == 0.375
    np.testing.assert_allclose(fixed, real, atol=1e-3)


def test_a_side_population_is_run_to_its_own_end():
    """s inhibits the output a from beyond it: it lives later than any output."""
    nodes = {
        "a": spiking(),
        "w": nir.Linear(np.eye(3)),
        "s": spiking(),
        "d": nir.Delay(2 * DT * ONE),
        "back": nir.Linear(-np.eye(3)),
    }
    edges = [*chain("a"), ("a", "w"), ("w", "s"), ("s", "d"), ("d", "back"), ("back", "a")]
    x = np.ones((20, 3))
    compiled = pipeline.compile(graph(edges, **nodes), calibration=x, dt=DT)
    trace = pipeline.run(compiled.program, x, probe="all")
    assert trace.aligned("s/s").shape == trace.output.shape == (20, 1, 3)
    assert trace.aligned("s/s").any()


@pytest.mark.parametrize("key", ["v_reset", "v_threshold", "tau"])
def test_a_parameter_of_another_shape_is_named(key):
    node = spiking()
    setattr(node, key, np.ones(5))
    with pytest.raises(VerificationError, match=rf"a \[shape\]: {key} has shape \(5,\)"):
        pipeline.load(graph(chain("a"), a=node), DT)
    threshold = nir.Threshold(np.ones(5))
    with pytest.raises(VerificationError, match="threshold has shape"):
        pipeline.load(graph(chain("a"), a=threshold), DT)
