"""The Lava backend's corners: batches, ranges, refusals, and what is left after a failure."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from neurodeploy.backends import lava, loihi2, reference
from neurodeploy.backends.lava.delays import bundles
from neurodeploy.backends.lava.netx import netx_problems
from neurodeploy.errors import (
    BackendUnavailable,
    ConfigError,
    QuantizationError,
    UnsupportedPrimitive,
)
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
RNG = np.random.default_rng(0)


def neuron(name: str, shape: tuple[int, ...], model: str = "cuba_lif", **changes: Any) -> Neuron:
    params = {"du": 1000, "dv": 300, "vth": 400, "bias": 0, "bias_exp": 0, "v_init": 0, **changes}
    if model == "integrator":
        del params["vth"]
    return Neuron(name, shape, model, params)


def dense(source: str, target: str, weights: Any, **changes: Any) -> Synapse:
    name = changes.pop("name", f"{source}-{target}")
    return Synapse(name, source, target, "dense", np.asarray(weights), **{"delay": 1, **changes})


def even(*shape: int) -> Array:
    return RNG.integers(-100, 100, shape) * 2


def program(
    inputs: tuple[Port, ...], neurons: tuple[Neuron, ...], synapses: tuple[Synapse, ...]
) -> Program:
    return Program("test", "fixed", 1e-3, inputs, neurons, synapses, (neurons[-1].name,))


def agree(tested: Program, inputs: Any, session: lava.Session, route: Any = "processes") -> None:
    expected = reference.run(tested, inputs, probe="all")
    trace = lava.run(tested, inputs, probe="all", route=route, session=session)
    for key, values in expected.states.items():
        np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
    assert trace.counts.synapses == expected.counts.synapses


def every_kind() -> Program:
    """All three models; dense, sparse and convolution; delays, loops, a skip."""
    conv = Synapse(
        "conv", "in", "a", "conv2d", even(2, 1, 2, 2), 3, ConvGeometry((1, 1), (0, 0), (1, 1)), 1
    )
    sparse = csr_array(even(5, 12) * (RNG.random((5, 12)) < 0.5))
    return program(
        (Port("in", (1, 4, 3)),),
        (
            neuron("a", (2, 3, 2), vth=100),
            neuron("b", (5,), "soft_lif", subtract=300, v_init=9000, bias=4, bias_exp=5),
            neuron("c", (3,), "integrator", v_init=-77),
        ),
        (
            conv,
            Synapse("sparse", "a", "b", "sparse", sparse, 2),
            dense("b", "b", even(5, 5), delay=3),
            dense("in", "b", even(5, 12), delay=6, weight_exp=-2),
            dense("b", "c", even(3, 5)),
        ),
    )


def spikes(*shape: int) -> Array:
    return (RNG.random(shape) < 0.4).astype(np.int64)


def test_samples_of_a_batch_do_not_see_each_other(session: lava.Session) -> None:
    tested, inputs = every_kind(), spikes(20, 3, 1, 4, 3)
    agree(tested, inputs, session)
    together = lava.run(tested, inputs, probe="all", session=session)
    for sample in range(3):
        alone = lava.run(tested, inputs[:, sample], probe="all", session=session)
        for key, values in alone.states.items():
            np.testing.assert_array_equal(values[:, 0], together.states[key][:, sample])


def test_steps_shorten_and_extend_the_input(session: lava.Session) -> None:
    tested, inputs = every_kind(), spikes(10, 1, 4, 3)
    for steps in (4, 15):
        expected = reference.run(tested, inputs, steps=steps)
        found = lava.run(tested, inputs, steps=steps, session=session)
        np.testing.assert_array_equal(found.output, expected.output)
        assert len(found.output) == steps


def test_two_ports_separate_nets_and_a_population_without_input(session: lava.Session) -> None:
    tested = program(
        (Port("left", (2,)), Port("right", (3,), 5, signed=True)),
        (
            neuron("a", (4,)),
            neuron("alone", (2,), "soft_lif", subtract=100, bias=900, bias_exp=4),
            neuron("b", (2,)),
        ),
        (dense("left", "a", even(4, 2)), dense("right", "b", even(2, 3))),
    )
    inputs = {"left": spikes(15, 2, 2), "right": RNG.integers(-16, 16, (15, 2, 3))}
    agree(tested, inputs, session)


def test_sums_of_several_synapses_do_not_wrap_at_16_bits(session: lava.Session) -> None:
    tested = program(
        (Port("in", (2,)),),
        (neuron("a", (1,), "integrator", du=4095),),
        tuple(dense("in", "a", [[254, 200]], weight_exp=6, name=str(i)) for i in range(3)),
    )
    trace = lava.run(tested, np.ones((3, 2), dtype=int), probe="all", session=session)
    assert trace.states["a/u"][1, 0, 0] == (3 * (454 << 6)) << 6  # 87168 is beyond int16
    agree(tested, np.ones((3, 2), dtype=int), session)


def test_the_edges_of_the_24_bit_registers(session: lava.Session) -> None:
    """u = 2^23 stays, -2^23 wraps; v stops at 2^23 - 1 on both sides, also after a subtraction."""
    tested = program(
        (Port("in", (1,), 12, signed=True),),
        (
            neuron("u", (1,), "integrator", du=4095, dv=4095),
            neuron("v", (1,), "soft_lif", du=4095, dv=0, vth=131071, subtract=131071),
        ),
        (dense("in", "u", [[2]], weight_exp=6), dense("in", "v", [[2]], weight_exp=6)),
    )
    edges = [1023, 1024, 1025, -1023, -1024, -1025, 1023, 1023, -1023, -1023, -1023, -1]
    trace = lava.run(tested, np.array(edges)[:, None], probe="all", session=session)
    assert trace.states["u/u"][1:7, 0, 0].tolist() == [
        1023 << 13,
        1 << 23,
        (1025 << 13) - (1 << 24),
        -(1023 << 13),
        1 << 23,
        (-1025 << 13) + (1 << 24),
    ]
    assert trace.states["v/v"].min() == 1 - (1 << 23)
    agree(tested, np.array(edges)[:, None], session)


def test_an_integrator_sends_its_membrane_on(session: lava.Session) -> None:
    tested = program(
        (Port("in", (2,)),),
        (neuron("a", (2,), "integrator", du=4095, dv=2000), neuron("b", (2,))),
        (
            dense("in", "a", [[2, -4], [6, 2]], weight_exp=-1),
            dense("a", "b", even(2, 2), weight_exp=-8),
        ),
    )
    agree(tested, spikes(20, 2, 2), session)


def test_weight_of_minus_256_without_positive_ones(session: lava.Session) -> None:
    tested = program(
        (Port("in", (2,)),), (neuron("a", (1,), "integrator"),), (dense("in", "a", [[-256, -2]]),)
    )
    agree(tested, spikes(8, 2), session)
    odd = replace(tested, synapses=(dense("in", "a", [[-256, -3]]),))
    with pytest.raises(ConfigError, match="lava-weights"):
        lava.run(odd, spikes(8, 2), session=session)


@pytest.mark.parametrize(("channels", "width", "groups"), [(1, 200, 1), (130, 2, 130)])
def test_convolutions_beyond_int8(
    session: lava.Session, channels: int, width: int, groups: int
) -> None:
    geometry = ConvGeometry((2,), (1,), (1,), groups)
    tested = program(
        (Port("in", (channels, width)),),
        (neuron("a", (channels, (width - 1) // 2 + 1)),),
        (Synapse("c", "in", "a", "conv1d", even(channels, 1, 3), 1, geometry),),
    )
    agree(tested, spikes(6, channels, width), session)


def test_sums_beyond_lavas_integers_are_refused_by_name(session: lava.Session) -> None:
    wide = Port("in", (300,), 24, signed=True)
    tested = program((wide,), (neuron("a", (1,)),), (dense("in", "a", [[254] * 300]),))
    small, large = np.full((3, 300), 100), np.full((3, 300), (1 << 23) - 1)
    agree(tested, small, session)
    with pytest.raises(QuantizationError, match=r"synapse in-a.*\[lava-range\]"):
        lava.run(tested, large, route="processes", session=session)
    geometry = ConvGeometry((1,), (0,), (1,))
    conv = Synapse("c", "in", "a", "conv1d", np.array([[[254]]]), 1, geometry)
    image = program((Port("in", (1, 1), 20),), (neuron("a", (1, 1)),), (conv,))
    agree(image, np.full((3, 1, 1), 8388607 // 254), session)
    with pytest.raises(QuantizationError, match="synapse c"):
        lava.run(image, np.full((3, 1, 1), 8388607 // 254 + 1), route="processes", session=session)


def test_a_current_that_grows_beyond_int32_is_refused(session: lava.Session) -> None:
    """u loses 2^24 once a step: what a larger input leaves adds up."""
    port = Port("in", (8,), 16, signed=False)
    tested = program((port,), (neuron("a", (1,), du=0),), (dense("in", "a", [[254] * 8]),))
    x = np.full((3, 8), 3000)
    agree(tested, x, session)
    with pytest.raises(QuantizationError, match=r"input of a.*\[lava-range\]"):
        lava.run(tested, np.repeat(x, 7, axis=0), route="processes", session=session)


def test_programs_that_lava_cannot_take_are_refused() -> None:
    tested = every_kind()
    early = replace(tested, synapses=tuple(replace(s, delay=0) for s in tested.synapses[:2]))
    for wrong, rule in ((replace(tested, arithmetic="real"), "fixed"), (early, "delay")):
        with pytest.raises(ConfigError, match=rf"\[{rule}\]"):
            lava.run(wrong, spikes(3, 1, 4, 3))
    with pytest.raises(ConfigError, match=r"\[choice\]"):
        lava.run(tested, spikes(3, 1, 4, 3), route="hdf5")  # type: ignore[arg-type]


def test_netx_names_every_reason() -> None:
    def rules(changed: Program) -> set[str]:
        return {p.rule for p in netx_problems(changed)}

    port = Port("in", (2,))
    plain = program((port,), (neuron("a", (2,)),), (dense("in", "a", [[202, -4], [6, 2]]),))
    assert rules(plain) == set()
    assert rules(every_kind()) == {"netx-sequence"}
    assert rules(replace(plain, inputs=(port, Port("more", (2,))))) == {"netx-input"}
    for changes, rule in (
        ({"bias": 1}, "netx-bias"),
        ({"v_init": 5}, "netx-v-init"),
    ):
        assert rules(replace(plain, neurons=(neuron("a", (2,), **changes),))) == {rule}
    soft = neuron("a", (2,), "soft_lif", subtract=4)
    assert rules(replace(plain, neurons=(soft,))) == {"netx-neuron"}
    weights = plain.synapses[0].weights
    for changes, rule in (
        ({"weight_exp": 1}, "netx-weight-exp"),
        ({"weights": weights // 4 * 2, "weight_exp": -2}, "netx-weight-exp"),
        ({"delay": 64}, "netx-delay"),
        ({"weights": weights * 0}, "netx-weights"),
        ({"weights": np.full((2, 2), -1)}, "netx-weights"),
    ):
        assert rules(replace(plain, synapses=(replace(plain.synapses[0], **changes),))) == {rule}


def test_netx_never_fires_a_read_out(session: lava.Session) -> None:
    """v stops at 2^23 - 1, which is above the largest threshold of 17 bits."""
    pytest.importorskip("torch", reason="lava-dl's loader needs torch")
    tested = program(
        (Port("in", (1,)),),
        (neuron("a", (1,), "integrator", du=0, dv=0),),
        (dense("in", "a", [[254]]),),
    )
    loud = np.ones((60, 1), dtype=int)
    trace = lava.run(tested, loud, session=session, probe="all")
    assert trace.route == "lava/netx"
    assert trace.output.max() == (1 << 23) - 1
    agree(tested, loud, session, route="netx")


def _descendants(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def test_a_run_whose_process_dies_ends_and_leaves_nothing_behind() -> None:
    tested = program((Port("in", (2,)),), (neuron("a", (2,)),), (dense("in", "a", even(2, 2)),))
    failure: list[Exception] = []
    with lava.Session(patience=8) as session:
        lava.run(tested, spikes(5, 2), session=session)
        worker = session._worker.pid

        def endless() -> None:
            try:
                lava.run(tested, spikes(500_000, 2), route="processes", session=session)
            except BackendUnavailable as error:
                failure.append(error)

        thread = threading.Thread(target=endless)
        thread.start()
        deadline = time.monotonic() + 60
        while len(_descendants(worker)) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # a few steps
        job = int(Path(f"/proc/{worker}/task/{worker}/children").read_text().split()[0])
        os.kill(
            int(Path(f"/proc/{job}/task/{job}/children").read_text().split()[-1]), signal.SIGKILL
        )
        thread.join(timeout=60)
        assert not thread.is_alive()
        assert "lava" in str(failure[0])
        deadline = time.monotonic() + 20
        while _descendants(worker) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert _descendants(worker) == []
        agree(tested, spikes(5, 2), session)  # the worker is still good
    assert not Path(f"/proc/{worker}").exists()


def test_a_model_that_raises_is_reported_with_its_error(
    session: lava.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = program((Port("in", (2,)),), (neuron("a", (2,)),), (dense("in", "a", even(2, 2)),))

    def too_short(path: Path, shape: tuple[int, ...], dtype: Any) -> None:
        np.save(path, np.zeros((min(shape[0], 2), *shape[1:]), dtype))

    monkeypatch.setattr("neurodeploy.backends.lava.session._empty_file", too_short)
    with pytest.raises(BackendUnavailable, match="IndexError"):
        lava.run(tested, spikes(20, 2), route="processes", session=session)
    monkeypatch.undo()
    agree(tested, spikes(20, 2), session)


def test_loihi2_says_which_of_extension_and_host_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NXSDKHOST", raising=False)
    monkeypatch.setenv("NOSLURM", "1")
    with pytest.raises(BackendUnavailable) as both:
        loihi2.available()
    assert [d.rule for d in both.value.diagnostics] == ["loihi-extension", "loihi-host"]
    monkeypatch.setenv("NXSDKHOST", "10.0.0.1")
    with pytest.raises(BackendUnavailable) as extension:
        loihi2.available()
    assert [d.rule for d in extension.value.diagnostics] == ["loihi-extension"]
    assert extension.value.exit_code == 3


def test_loihi2_refuses_by_name_what_needs_microcode() -> None:
    with pytest.raises(UnsupportedPrimitive) as refused:
        loihi2.run(every_kind(), spikes(3, 1, 4, 3), probe="a/v")
    named = {d.where: d.rule for d in refused.value.diagnostics}
    assert named == {
        "neuron b": "loihi2-microcode",
        "neuron c": "loihi2-microcode",
        "synapse conv": "loihi2-conv",
        "probe a/v": "loihi2-probe",
    }


def test_synapses_that_differ_in_their_delays_are_one_process(session: lava.Session) -> None:
    """Weights of one matrix at three delays; one of them overlaps and stays by itself."""
    weights, delays = even(5, 6), RNG.integers(1, 6, (5, 6))
    parts = tuple(
        Synapse(f"d{d}", "in", "a", "sparse", csr_array(np.where(delays == d, weights, 0)), d)
        for d in (1, 2, 3, 5)
    )
    tested = program((Port("in", (6,)),), (neuron("a", (5,), vth=100),), parts)
    assert [len(b.synapses) for b in bundles(tested)] == [4]
    agree(tested, spikes(20, 2, 6), session)
    again = replace(tested, synapses=(*parts, replace(parts[0], name="twice", delay=4)))
    assert [len(b.synapses) for b in bundles(again)] == [1] * 5
    agree(again, spikes(20, 2, 6), session)
    odd = replace(parts[1], weights=csr_array(np.abs(parts[1].weights.toarray()) // 2 * 3 % 200))
    assert len(bundles(replace(tested, synapses=(parts[0], odd)))) == 2
