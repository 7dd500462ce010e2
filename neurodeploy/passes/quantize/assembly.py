"""The populations of a real Program in integers, one after the other, at given weight bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.hardware import Hardware
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.passes.quantize.alone import Alone, Simulate
from neurodeploy.passes.quantize.forms import membrane_errors, why_not
from neurodeploy.passes.quantize.layer import Calibration
from neurodeploy.passes.quantize.membrane_error import MembraneError
from neurodeploy.passes.quantize.messages import finest
from neurodeploy.passes.quantize.options import Options
from neurodeploy.passes.quantize.ports import fixed_port
from neurodeploy.passes.quantize.refusals import vanished
from neurodeploy.passes.quantize.scale import ceiling
from neurodeploy.passes.quantize.search import Layer, Rounded, rounded
from neurodeploy.passes.quantize.weights import exponent_range

MESSAGE_BITS = 24
Bits = Mapping[str, int]


class Assembly:
    """Rounds the populations of `program` and remembers each that it rounded."""

    def __init__(
        self,
        program: Program,
        hardware: Hardware,
        calibration: Calibration,
        options: Options,
        simulate: Simulate | None,
    ) -> None:
        self.program, self.hardware, self.options = program, hardware, options
        self._calibration, self._simulate = calibration, simulate
        self._ports = tuple(fixed_port(p, calibration, options) for p in program.inputs)
        self._errors: dict[str, tuple[MembraneError, ...]] = {}
        self._done: dict[tuple[object, ...], Rounded] = {}

    def fixed(self, bits: Bits) -> Program:
        """The fixed Program with these weight bits by synapse; QuantizationError where rounding
        leaves nothing of a threshold or of all weights of a population."""
        sources = {p.name: p for p in self._ports}
        done: dict[str, Rounded] = {}
        problems: list[Diagnostic] = []
        for neuron in map(self.program.neuron, self.program.order):
            incoming = self.program.incoming(neuron.name)
            found = done[neuron.name] = self._rounded(neuron, incoming, bits, sources)
            problems += vanished(neuron, found.neuron, incoming, found.synapses)
            if self.program.is_graded(neuron.name):
                sources[neuron.name] = message_port(found.neuron)
        if problems:
            raise QuantizationError(problems)
        return replace(
            self.program,
            arithmetic="fixed",
            inputs=self._ports,
            neurons=tuple(done[n.name].neuron for n in self.program.neurons),
            synapses=tuple(s for n in self.program.neurons for s in done[n.name].synapses),
            meta={
                **self.program.meta,
                "hardware": self.hardware.name,
                "form": self.options.form,
            },
        )

    def _rounded(
        self, neuron: Neuron, incoming: tuple[Synapse, ...], bits: Bits, sources: Mapping[str, Port]
    ) -> Rounded:
        widths = {s.name: bits[s.name] for s in incoming}
        units = {name: message_unit(port) for name, port in sources.items()}
        lowest = exponent_range(self.options, self.hardware)[0]
        useful = finest(self.program, neuron.name, self._calibration, self.options, bits, lowest)
        heard = (units.get(s.source) for s in incoming)
        key = (neuron.name, useful, *widths.values(), *heard)
        if key not in self._done:
            alone = None
            if self._simulate and fed_from_outside(self.program, neuron.name, self._calibration):
                objective = self.options.objective
                alone = Alone(
                    self.program,
                    neuron.name,
                    sources,
                    self._calibration,
                    objective,
                    self._simulate,
                )
            highest = ceiling(neuron, self._calibration.peaks[neuron.name], self.options)
            membranes = self._membranes(neuron.name)
            layer = Layer(neuron, incoming, highest, useful, units, alone, membranes)
            self._done[key] = rounded(layer, widths, self.options, self.hardware)
        return self._done[key]

    def _membranes(self, name: str) -> tuple[MembraneError, ...]:
        if self.options.rounding == "nearest" or why_not(self.program, name):
            return ()
        if name not in self._errors:
            self._errors[name] = membrane_errors(self.program, name, self._calibration)
        return self._errors[name]


def fed_from_outside(program: Program, name: str, calibration: Calibration) -> bool:
    """Whether there are messages of other populations that it can be run alone with."""
    return bool(calibration.sent) and any(s.source != name for s in program.incoming(name))


def message_port(neuron: Neuron) -> Port:
    """A port that brings what a fixed population of graded messages sends."""
    unit = NEURON_MODELS[neuron.model].message_scale(neuron.params, neuron.scale)
    return Port(neuron.name, neuron.shape, MESSAGE_BITS, unit, signed=True)


def message_unit(port: Port) -> float:
    """Integers per real unit of a message."""
    return port.scale if port.num_message_bits else 1.0
