"""FixedNetwork: a fixed Program as a torch module that trains through the chip's integers.

Its forward pass is the simulator's, integer for integer. Weights and biases are trained; scales,
exponents, decays and thresholds stay what the compiler chose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.ir.arithmetic import MANTISSA_SHIFT
from neurodeploy.ir.inputs import padded, prepare_inputs
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize.weights import with_values
from neurodeploy.zoo.fine_tuning.components import clocks, components
from neurodeploy.zoo.fine_tuning.fixed_step import MODELS
from neurodeploy.zoo.fine_tuning.modes import FixedModes
from neurodeploy.zoo.fine_tuning.population import FixedPopulation
from neurodeploy.zoo.fine_tuning.synapse import FixedSynapse, layers
from neurodeploy.zoo.fine_tuning.ties import tie

Array = np.ndarray[Any, np.dtype[Any]]
Messages = dict[str, Tensor]
S4D = "s4d"


class FixedNetwork(nn.Module):
    """`program` is fixed; `real` the Program that it was rounded from, whose weights and biases the
    training starts at (without it, or of the weights with `at_integers`: at the integers).
    `slope`: of the surrogate gradient. Synapses and biases of one layer are one parameter (`ties`).

    Raises QuantizationError for a real Program and for neuron models without a derivative here.
    """

    def __init__(
        self,
        program: Program,
        real: Program | None = None,
        slope: float = 5.0,
        at_integers: bool = False,
    ) -> None:
        super().__init__()
        _check(program)
        self.program, self.real = program, real
        starts = real.synapses if real and not at_integers else ()
        weights = {s.name: s.weight_values for s in starts}
        biases = {n.name: n.params.get("bias") for n in real.neurons} if real else {}
        trained = layers(program)
        self.synapses = nn.ModuleList(
            FixedSynapse(
                s,
                weights.get(s.name),
                _factor(program, s.source, s.target),
                self._shape(s.target),
                s.name in trained,
            )
            for s in program.synapses
        )
        self.populations = nn.ModuleList(
            FixedModes(n)
            if n.model == S4D
            else FixedPopulation(n, biases.get(n.name), slope, n.name not in clocks(program))
            for n in program.neurons
        )
        modes = {n.name for n in program.neurons if n.model == S4D}
        for synapse in self._synapses():  # what spreads over modes and sums them is structure
            if modes & {synapse.synapse.source, synapse.synapse.target}:
                synapse.weight.requires_grad_(False)
        if real:
            tie(real, self._synapses(), self._populations())
        self._components = components(program)

    def forward(self, x: Any) -> Any:
        """Input `(T, B, *shape)`, or one per port, to the output `(T, B, *shape)` in real units;
        several outputs by name."""
        return self.output(self.run(x))

    def output(self, messages: Messages) -> Any:
        """What `forward` returns, of the messages of `run`."""
        found = {name: messages[name] for name in self.program.outputs}
        return next(iter(found.values())) if len(found) == 1 else found

    def run(self, x: Any) -> Messages:
        """What every population sends, `(T, B, *shape)`: spikes, or read-outs in real units."""
        sent = self.integers(x)
        steps = len(next(iter(sent.values()))) - self.program.depth
        dtype = torch.get_default_dtype()
        found = {}
        for n in self.program.neurons:
            scale = NEURON_MODELS[n.model].message_scale(n.params, n.scale)
            found[n.name] = (sent[n.name][n.latency : n.latency + steps] / scale).to(dtype)
        return found

    def integers(self, x: Any) -> Messages:
        """What ports and populations send, as integers in float64, `(T + depth, B, *shape)`."""
        sent = self._encoded(x)
        mantissas = {s.synapse.name: s.mantissas() for s in self._synapses()}
        for names in self._components:
            self._run_component(names, sent, mantissas)
        return sent

    def _encoded(self, x: Any) -> Messages:
        arrays = {k: _array(v) for k, v in x.items()} if isinstance(x, Mapping) else _array(x)
        ready = prepare_inputs(self.program, arrays)
        length = len(next(iter(ready.values()))) + self.program.depth
        device = next(self.parameters()).device
        return {
            name: torch.from_numpy(padded(values, length)).to(device, torch.float64)
            for name, values in ready.items()
        }

    def _run_component(
        self, names: tuple[str, ...], sent: Messages, mantissas: Mapping[str, Tensor]
    ) -> None:
        """Adds what these populations send: alone over all steps, in a loop step by step."""
        inner = [s for s in self._synapses() if {s.synapse.source, s.synapse.target} <= set(names)]
        arriving = {name: self._arriving(name, inner, sent, mantissas) for name in names}
        steps, batch = next(iter(sent.values())).shape[:2]
        members = {n: self._population(n) for n in names}
        states = {name: member.start(batch) for name, member in members.items()}
        step = {name: member.stepper() for name, member in members.items()}
        history: dict[str, list[Tensor]] = {name: [] for name in names}
        for t in range(steps):
            for name in names:
                a = arriving[name][t]
                for s in inner:
                    past = t - s.synapse.delay
                    if s.synapse.target == name and past >= 0:
                        message = history[s.synapse.source][past]
                        a = a + s.deliver(mantissas[s.synapse.name], message)
                states[name], message = step[name](states[name], a)
                history[name].append(message)
        sent.update({name: torch.stack(messages) for name, messages in history.items()})

    def _arriving(
        self,
        name: str,
        inner: list[FixedSynapse],
        sent: Messages,
        mantissas: Mapping[str, Tensor],
    ) -> tuple[Tensor, ...]:
        """What arrives from outside the loop at each step, `(B, *shape)`."""
        steps, batch = next(iter(sent.values())).shape[:2]
        shape = self._shape(name)
        total = next(iter(sent.values())).new_zeros((steps, batch, *shape))
        for s in self._synapses():
            late = s.synapse.delay
            if s.synapse.target != name or s in inner or late >= steps:
                continue
            messages = sent[s.synapse.source][: steps - late]
            arrived = s.deliver(mantissas[s.synapse.name], messages.flatten(0, 1))
            arrived = arrived.reshape(steps - late, batch, *shape)
            total = total + torch.cat([total.new_zeros((late, *arrived.shape[1:])), arrived])
        return total.unbind(0)

    def confine(self) -> None:
        """Brings all weights back into the range of their mantissas; after each optimizer step."""
        for synapse in self._synapses():
            synapse.confine()

    def to_program(self) -> Program:
        """The fixed Program with the weights and biases of now."""
        return replace(
            self.program,
            neurons=tuple(p.to_neuron() for p in self._populations()),
            synapses=tuple(s.to_synapse() for s in self._synapses()),
        )

    def to_real(self) -> Program:
        """The real Program with the weights and biases that the integers stand for; what is not
        trained stays."""
        assert self.real is not None
        trained = (s for s in self._synapses() if s.weight.requires_grad)
        weights = {s.synapse.name: s.real_weights() for s in trained}
        biases = {
            p.neuron.name: {"bias": p.real_bias()}
            for p in self._populations()
            if isinstance(p, FixedPopulation) and p.trained
        }
        return replace(
            self.real,
            neurons=tuple(
                replace(n, params={**n.params, **biases.get(n.name, {})}) for n in self.real.neurons
            ),
            synapses=tuple(
                replace(s, weights=with_values(s, weights.get(s.name, s.weight_values)))
                for s in self.real.synapses
            ),
        )

    def _shape(self, name: str) -> tuple[int, ...]:
        return self.program.shapes[name]

    def _synapses(self) -> list[FixedSynapse]:
        return list(self.synapses)  # type: ignore[arg-type]  # a ModuleList forgets

    def _populations(self) -> list[FixedPopulation | FixedModes]:
        return list(self.populations)  # type: ignore[arg-type]  # likewise

    def _population(self, name: str) -> FixedPopulation | FixedModes:
        return next(p for p in self._populations() if p.neuron.name == name)


def _check(program: Program) -> None:
    if program.arithmetic != "fixed":
        detail = "is real: it has no integers to train through"
        raise QuantizationError(Diagnostic(program.name, "arithmetic", detail, "compile it"))
    known = (*MODELS, S4D)
    problems = [
        Diagnostic(f"neuron {n.name}", "fine-tuning", f"{n.model} is not one of {', '.join(known)}")
        for n in program.neurons
        if n.model not in known
    ]
    if problems:
        raise QuantizationError(problems)


def _factor(program: Program, source: str, target: str) -> float:
    """Integers that arrive at `target` per real weight and per integer of the message."""
    scale = program.neuron(target).scale / (1 << MANTISSA_SHIFT)
    for port in program.inputs:
        if port.name == source:
            return scale / (port.scale if port.num_message_bits else 1.0)
    sender = program.neuron(source)
    return scale / NEURON_MODELS[sender.model].message_scale(sender.params, sender.scale)


def _array(x: Any) -> Array:
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
