"""Every shipped network on every chip and system: it fits, and no core is over a limit.

State spaces and streams of values need graded spikes; one decay a mode is more than the profiles of
a Loihi 1 hold.
"""

from __future__ import annotations

import pytest

from neurodeploy import pipeline
from neurodeploy.hardware import list_hardware, load_hardware
from neurodeploy.ir.files import read_input
from neurodeploy.resources import resource, resource_names

CHIPS = [name for name in list_hardware() if load_hardware(name).limits]


@pytest.mark.parametrize("hardware", CHIPS)
@pytest.mark.parametrize("network", resource_names("exports", ".nir"))
def test_shipped_networks_fit(network, hardware):
    program = pipeline.load(resource("exports", network), None)
    found = pipeline.fit(program, hardware)
    models = {neuron.model for neuron in program.neurons}
    if models & {"s4d", "integrator_message"} and not found.fits:
        rules = {reason.rule for reason in found.reasons}
        assert "graded-spikes" in rules and rules <= {"graded-spikes", "cores"}
        return
    assert found.fits, found.reasons
    for core in found.mapping.cores:
        assert all(core.used[name] <= most for name, most in found.mapping.limits.items())
    placed = sum(core.neurons for core in found.mapping.cores)
    assert placed == sum(neuron.size for neuron in program.neurons)


def test_a_compiled_network_takes_what_the_run_counted():
    """Loads of the cores, times steps and samples, are the exact counts of the run."""
    calibration = read_input(resource("exports", "vad_calibration.npz"))[:100]
    compiled = pipeline.compile(
        resource("exports", "vad.nir"), "loihi2", calibration=calibration
    ).program
    found = pipeline.fit(compiled, "loihi2", inputs=calibration)
    counts = pipeline.run(compiled, calibration, backend="cpu").counts
    steps = 100 * counts.batch
    assert found.fits and found.load is not None
    assert found.load.step_s is None  # Loihi 2 has no public times
    operations = sum(core.synaptic_operations for core in found.load.cores)
    assert operations * steps == pytest.approx(
        sum(s.synaptic_operations for s in counts.synapses), rel=0.01
    )
