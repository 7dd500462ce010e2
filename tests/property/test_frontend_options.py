"""Options of snnTorch's neurons together, as the table of combinations has them one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("snntorch")

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.frontends.snntorch import replay  # noqa: E402
from neurodeploy.frontends.tracer.neuron_layers import SPIKES  # noqa: E402
from tests.conformance.snntorch_table.combinations import (  # noqa: E402
    FAMILIES,
    Combination,
    Loop,
    Reads,
)
from tests.conformance.snntorch_table.options import LAPICQUE  # noqa: E402
from tests.conformance.snntorch_table.verdicts import DT, verdict  # noqa: E402
from tests.fuzz import examples  # noqa: E402

STEPS, BATCH = 150, 2
RESETS = ("subtract", "zero", "none")
TRAINED = [family for family in FAMILIES if len(family.options) > 1]


@st.composite
def neurons(draw):
    """A function that builds a neuron with several options, its input's shape, what is read."""
    family = draw(st.sampled_from(TRAINED))
    one = st.sampled_from(family.options)
    options = draw(st.lists(one, min_size=2, max_size=3, unique_by=lambda o: o.name))
    arguments = {**family.arguments, "reset_mechanism": draw(st.sampled_from(RESETS))}
    if family.has_delay:
        arguments["reset_delay"] = draw(st.booleans())
    changes = {}
    for option in options:
        arguments |= option.arguments
        changes |= option.settings
    read = next((o.reads for o in options if o.reads != SPIKES), SPIKES)
    loop = any(o.loop for o in options)
    assume(len({o.shape for o in options}) == 1)
    assume(sum(o is own for o in options for own in LAPICQUE) < 2)  # they contradict each other
    assume(not loop or (read == SPIKES and not arguments.get("init_hidden")))

    def build():
        torch.manual_seed(0)
        neuron = family.kind(**arguments)
        for name, value in changes.items():
            setattr(neuron, name, value)
        return Loop(neuron) if loop else Reads(neuron, family.returned.index(read))

    return build, options[0].shape, read


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_options_together_are_exact_or_refused():
    exact = []

    @settings(max_examples=examples(100))
    @given(neurons(), st.integers(0, 10_000))
    def run(neuron, seed):
        build, shape, read = neuron
        found = verdict(Combination("", "", "", build, shape))
        assert all(d.detail and d.hint for d in found.problems)
        if not found.exact:
            return
        graph = found.export.graph
        x = np.random.default_rng(seed).normal(0.2, 1.2, size=(STEPS, BATCH, *shape))
        expected = replay(build(), x)["output"]
        slack = 0.0 if read == SPIKES else 1e-9 * np.abs(expected).max()
        for output in (
            pipeline.interpret(graph, x, dt=DT).output,
            pipeline.run(graph, x, dt=DT).output,
        ):
            np.testing.assert_allclose(output, expected, rtol=0, atol=slack)
        exact.append(np.ptp(expected) > 0)

    run()
    assert len(exact) > examples(100) // 4 and np.mean(exact) > 0.9
