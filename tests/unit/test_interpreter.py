"""What the interpreter promises beyond the equations: time, feedback, start, refusals."""

from __future__ import annotations

import itertools

import nir
import numpy as np
import pytest

import neurodeploy
from neurodeploy.errors import ConfigError, DataError, UnsupportedPrimitive, VerificationError
from neurodeploy.ir.files import write_nir

DT = 1e-3


def graph(edges, size=1, **nodes) -> nir.NIRGraph:
    shape = np.array([size])
    ports = {"in": nir.Input({"input": shape}), "out": nir.Output({"output": shape})}
    return nir.NIRGraph({**ports, **nodes}, list(edges), type_check=False)


def chain(*names):
    return itertools.pairwise(("in", *names, "out"))


def relay() -> nir.LI:
    """A neuron that sends what it gets: tau = dt, r = 1."""
    return nir.LI(tau=np.array([DT]), r=np.ones(1), v_leak=np.zeros(1))


def lif(tau=4 * DT, r=4.0, **more) -> nir.LIF:
    values = {"tau": tau, "r": r, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, **more}
    return nir.LIF(**{key: np.array([value]) for key, value in values.items()})


def both(network, x, **options):
    """The interpreter's output, which the Program's has to equal."""
    meaning = neurodeploy.interpret(network, x, dt=DT, **options)
    trace = neurodeploy.run(network, x, dt=DT, **options)
    np.testing.assert_array_equal(trace.output, meaning.output)
    return meaning.output[:, 0, 0].tolist()


def test_the_threshold_is_strict_and_the_reset_is_of_the_same_step():
    network = graph(chain("n"), n=lif(v_reset=-0.5))
    meaning = neurodeploy.interpret(network, np.array([[1.0], [0.25], [0.5]]), dt=DT)
    assert meaning.output[:, 0, 0].tolist() == [0, 0, 1]  # v = 1, 1, 1.25
    assert meaning.states["n/v"][:, 0, 0].tolist() == [1.0, 1.0, -0.5]


def test_v_starts_at_0_wherever_it_rests_and_resets():
    network = graph(chain("n"), n=lif(v_leak=-0.8, v_reset=-0.4))
    meaning = neurodeploy.interpret(network, np.zeros((2, 1)), dt=DT)
    np.testing.assert_allclose(meaning.states["n/v"][:, 0, 0], [-0.2, -0.35])
    trace = neurodeploy.run(network, np.zeros((2, 1)), dt=DT, probe="n/v")
    np.testing.assert_allclose(trace.states["n/v"][:, 0, 0] - 0.4, [-0.2, -0.35])


def test_exact_decay_meets_the_solution_at_any_step():
    """tau dv/dt = r x - v for a held x: v(t) = r x (1 - exp(-t / tau)); so has tau below dt."""
    for tau in (0.3 * DT, 4 * DT):
        network = graph(chain("n"), n=nir.LI(tau=np.array([tau]), r=np.ones(1), v_leak=np.zeros(1)))
        meaning = neurodeploy.interpret(
            network, np.ones((5, 1)), dt=DT, discretisation="exact_decay"
        )
        times = DT * np.arange(1, 6)
        np.testing.assert_allclose(meaning.output[:, 0, 0], 1 - np.exp(-times / tau), rtol=1e-12)


def test_euler_with_a_step_beyond_tau_is_refused_and_points_to_the_other():
    network = graph(chain("n"), n=lif(tau=0.3 * DT))
    for run in (neurodeploy.interpret, neurodeploy.run):
        with pytest.raises(ConfigError, match=r"node n \[dt\]: .*Euler would overshoot"):
            run(network, np.ones((3, 1)), dt=DT)
    assert both(network, np.ones((3, 1)), discretisation="exact_decay") == [1, 1, 1]


def test_tau_without_end_is_refused_with_the_primitive_that_means_it():
    with pytest.raises(VerificationError, match=r"n.tau \[finite\].* is an I or IF"):
        neurodeploy.interpret(graph(chain("n"), n=lif(tau=np.inf)), np.ones((3, 1)), dt=DT)


def test_an_unknown_discretisation_is_refused():
    with pytest.raises(ConfigError, match="known: forward_euler, exact_decay"):
        neurodeploy.interpret(
            graph(chain("n"), n=lif()), np.ones((3, 1)), dt=DT, discretisation="rk4"
        )


def test_the_manifest_says_how_a_file_is_discretised(tmp_path):
    network, x = graph(chain("n"), n=relay()), np.ones((3, 1))
    path = tmp_path / "n.nir"
    write_nir(path, network, {"dt": DT, "discretisation": "exact_decay"})
    decayed = 1 - np.exp(-1)
    for output in (neurodeploy.interpret(path, x).output, neurodeploy.run(path, x).output):
        np.testing.assert_allclose(output[0, 0, 0], decayed, rtol=1e-12)
    assert neurodeploy.load(path, None).meta["discretisation"] == "exact_decay"
    with pytest.raises(
        ConfigError, match=r"forward_euler given, the manifest of n.nir states exact"
    ):
        neurodeploy.run(path, x, discretisation="forward_euler")
    write_nir(path, network, {"dt": DT, "discretisation": "magic"})
    with pytest.raises(ConfigError, match="'magic' is unknown"):
        neurodeploy.interpret(path, x)


IMPULSE = np.array([[1.0], [0.0], [0.0], [0.0], [0.0], [0.0]])


def test_feedback_takes_one_step_and_a_delay_takes_its_own_time():
    half = nir.Scale(np.array(0.5))
    direct = graph([*chain("a"), ("a", "w"), ("w", "a")], a=relay(), w=half)
    assert both(direct, IMPULSE) == [1, 0.5, 0.25, 0.125, 0.0625, 0.03125]
    for steps in (1, 2):
        loop = [("a", "w"), ("w", "d"), ("d", "a")]
        delay = nir.Delay(np.array([steps * DT]))
        delayed = graph([*chain("a"), *loop], a=relay(), w=half, d=delay)
        expected = [0.5 ** (t / steps) if t % steps == 0 else 0 for t in range(6)]
        assert both(delayed, IMPULSE) == expected


def test_feedback_does_not_depend_on_the_order_of_a_file_where_a_cycle_has_one_entry():
    nodes = {"a": relay(), "b": relay(), "w": nir.Scale(np.array(0.5))}
    edges = [("in", "a"), ("a", "b"), ("b", "out"), ("b", "w"), ("w", "a"), ("a", "w")]
    outputs = {
        tuple(both(graph(order, **nodes), IMPULSE)) for order in itertools.permutations(edges)
    }
    assert len(outputs) == 1


def test_of_two_that_feed_each_other_the_first_edge_of_the_file_decides():
    """in -> e, in -> i, e <-> i: the walk enters e first, so i -> e is late; a Delay decides it."""
    nodes = {"e": relay(), "i": relay()}
    edges = [("in", "e"), ("in", "i"), ("e", "i"), ("i", "e"), ("e", "out")]
    assert both(graph(edges, **nodes), IMPULSE)[:3] == [1, 2, 2]
    assert both(graph(reversed(edges), **nodes), IMPULSE)[:3] == [2, 2, 2]
    edges[2:3] = [("e", "d"), ("d", "i")]
    nodes["d"] = nir.Delay(np.array([DT]))
    for order in (edges, edges[::-1]):
        assert both(graph(order, **nodes), IMPULSE)[:3] == [2, 2, 2]


def test_delays_differ_per_neuron():
    delay = nir.Delay(DT * np.array([0.0, 1.0, 3.0]))
    network = graph(chain("d"), size=3, d=delay)
    x = np.array([[[1.0, 2.0, 3.0]], *np.zeros((4, 1, 3))])
    meaning = neurodeploy.interpret(network, x, dt=DT)
    rows = [[1, 0, 0], [0, 2, 0], [0, 0, 0], [0, 0, 3], [0, 0, 0]]
    assert meaning.output[:, 0].tolist() == rows
    assert neurodeploy.run(network, x, dt=DT).output[:, 0].tolist() == rows


@pytest.mark.parametrize("seconds", [1.5e-3, 1e-10])
def test_a_delay_that_is_no_number_of_steps_is_refused(seconds):
    network = graph(chain("d"), d=nir.Delay(np.array([seconds])))
    with pytest.raises(ConfigError, match=r"node d \[delay\]: .* no whole number of steps"):
        neurodeploy.interpret(network, np.ones((3, 1)), dt=DT)


def test_a_bias_behind_a_delay_arrives_with_it():
    """Delay sends 0 until its time has passed; a late edge alone brings a bias at once."""
    one = nir.Affine(np.zeros((1, 1)), np.ones(1))
    nodes = {"b": one, "d": nir.Delay(np.array([2 * DT])), "a": relay()}
    assert both(graph([*chain("b", "d", "a")], **nodes), np.zeros((4, 1))) == [0, 0, 1, 1]
    late = [*chain("a"), ("a", "b"), ("b", "a")]
    assert both(graph(late, a=relay(), b=one), np.zeros((3, 1))) == [1, 1, 1]


def test_an_input_may_be_an_output_and_a_scalar():
    assert both(graph(chain()), IMPULSE) == IMPULSE[:, 0].tolist()
    ports = {"in": nir.Input({"input": np.array([], int)}), "out": nir.Output(np.array([], int))}
    alone = nir.NIRGraph({**ports, "n": relay()}, list(chain("n")), type_check=False)
    alone.nodes["n"] = nir.LI(tau=np.array(DT), r=np.array(2.0), v_leak=np.array(0.0))
    assert neurodeploy.interpret(alone, np.ones(3), dt=DT).output.tolist() == [[2], [2], [2]]
    assert neurodeploy.run(alone, np.ones(3), dt=DT).output.tolist() == [[2], [2], [2]]


HALF = nir.Scale(np.array(0.5))


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            graph([*chain("a", "b"), ("b", "a")], a=HALF, b=HALF),
            r"edge b -> a \[cycle\]: closes a cycle without neurons; put a neuron or a Delay",
        ),
        (graph([*chain("a"), ("a", "in")], a=HALF), r"edge a -> in \[ports\]: leads into an Input"),
        (graph([*chain("a"), ("out", "a")], a=HALF), r"\[ports\]: leads out of an Output"),
        (
            graph(chain("a"), size=2, a=nir.Linear(np.ones((3, 2)))),
            r"out \[shape\]: states .*\(2,\)",
        ),
        (graph([("in", "out"), ("x", "out")]), r"no node is named 'x'"),
        (graph([("in", "out"), ("in", "out")]), r"\[double-edge\]: stands twice"),
        (graph(chain(), a=HALF), r"node a \[unreached\]: nothing leads to it"),
        (graph([*chain(), ("a", "a")], a=relay()), r"node a \[unreached\]: no path from an Input"),
        (graph(chain("a"), a=nir.Scale(np.ones(2))), r"node a \[shape\]"),
    ],
)
def test_a_graph_without_a_meaning_is_refused_by_interpreter_and_program_alike(network, words):
    for run in (neurodeploy.interpret, neurodeploy.run):
        with pytest.raises(VerificationError, match=words):
            run(network, np.ones((2, 1)), dt=DT)


def test_an_input_without_a_shape_and_an_unknown_node():
    network = graph(chain())
    network.nodes["in"].input_type = {"input": None}
    with pytest.raises(VerificationError, match="the Input states no shape"):
        neurodeploy.interpret(network, np.ones((2, 1)), dt=DT)
    network = graph(chain("a"), a=nir.ir.graph.Identity({"input": np.array([1])}))
    with pytest.raises(UnsupportedPrimitive, match=r"node a \[primitive\]: Identity"):
        neurodeploy.interpret(network, np.ones((2, 1)), dt=DT)


def test_inputs_fit_and_steps_replace_their_length():
    network = graph(chain("a"), a=relay())
    with pytest.raises(DataError, match="shape"):
        neurodeploy.interpret(network, np.ones((2, 5)), dt=DT)
    output = neurodeploy.interpret(network, np.ones((2, 3, 1)), dt=DT, steps=4).output
    assert output[:, 1, 0].tolist() == [1, 1, 0, 0]
    with pytest.raises(ConfigError, match="steps"):
        neurodeploy.interpret(network, np.ones((2, 1)), dt=DT, steps=0)
    with pytest.raises(ConfigError, match="dt"):
        neurodeploy.interpret(network, np.ones((2, 1)))


def test_what_overflows_is_said_and_never_read_as_silence():
    network = graph(chain("w", "n"), w=nir.Scale(np.array([1e308])), n=lif())
    for run in (neurodeploy.interpret, neurodeploy.run):
        with pytest.raises(DataError, match=r"\[finite\]: overflows float64 in step 1"):
            run(network, np.array([[0.5], [1e3]]), dt=DT)
