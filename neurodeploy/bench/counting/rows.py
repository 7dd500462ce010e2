"""Rows that grow while a module runs, and the `LayerCount`s that they become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod

from torch import Tensor, nn

from neurodeploy.bench.counting.arithmetic import Arithmetic
from neurodeploy.bench.counting.neuron_arithmetic import NeuronArithmetic
from neurodeploy.bench.counting.record import LayerCount
from neurodeploy.bench.counting.values import Tally, count_nonzero


class Row:
    """One layer's operations of one kind so far; plain integers, since every call adds to them."""

    def __init__(self, name: str, op: str) -> None:
        self.name = name
        self.op = op
        self.calls = 0
        self.inputs = 0
        self.outputs = 0
        self.dense_macs = 0
        self.padding_taps = 0
        self.bias_adds = 0
        self.elements: Counter[Arithmetic] = Counter()
        self.shape: tuple[int, ...] = ()
        self.taken = Tally()
        self.skipped = Tally()
        self.sent = Tally()
        self.neuron: NeuronArithmetic | None = None
        self.state_bytes = 0
        self.folds_into = ""

    def call(self, inputs: int, out: Tensor) -> None:
        """One call that took `inputs` elements."""
        if not self.shape:
            self.shape = tuple(out.shape[1:])
        self.calls += 1
        self.inputs += inputs
        self.outputs += out.numel()

    def update(self, neuron: NeuronArithmetic, spikes: Tensor) -> None:
        """One update of each of a neuron's elements."""
        if self.neuron is None:
            self.neuron = neuron
            each = neuron.states * spikes.element_size()
            self.state_bytes = each * prod(spikes.shape[neuron.leading :])
        self.call(spikes.numel(), spikes)
        self.send(spikes)

    def send(self, out: Tensor) -> None:
        """Counts what of `out` is not zero."""
        if not out.is_meta:
            count_nonzero(out, self.sent)

    def finished(self, parameters: int, weight_bytes: int) -> LayerCount:
        neuron, elements = self.neuron, self.elements.copy()
        updates = 0 if neuron is None else self.outputs
        if neuron is not None:
            elements[neuron.arithmetic] += updates
        arithmetic = {
            what: sum(getattr(each, what) * n for each, n in elements.items())
            for what in ("multiplies", "adds", "compares", "divisions", "functions")
        }
        return LayerCount(
            name=self.name,
            op=self.op,
            calls=self.calls,
            shape=self.shape,
            parameters=parameters,
            weight_bytes=weight_bytes,
            state_bytes=self.state_bytes,
            inputs=self.inputs,
            outputs=self.outputs,
            spikes_in=self.taken.nonzero,
            spikes_out=self.sent.nonzero,
            dense_macs=self.dense_macs,
            padding_taps=self.padding_taps,
            effective=self.taken.by_value,
            zero_weights=self.skipped.by_value,
            bias_adds=self.bias_adds,
            updates=updates,
            state_reads=0 if neuron is None else neuron.states * updates,
            state_writes=0 if neuron is None else neuron.states * updates,
            model="" if neuron is None else neuron.model,
            folds_into=self.folds_into,
            **arithmetic,
        )


class Rows:
    """All rows of a run, in the order of their first call."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}

    def row(self, name: str, op: str) -> Row:
        key = (name, op)
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = Row(name, op)
        return found

    def finished(self, module: nn.Module) -> Iterator[LayerCount]:
        """The rows, each parameter of `module` at the first row of the module that holds it.

        Parameters of modules without a row get one, of the kind "parameters".
        """
        held = dict(_held(module))
        named = {name for name, _ in self._rows}
        for name in held:
            if name not in named:
                self.row(name, "parameters")
        for row in self._rows.values():
            yield row.finished(*held.pop(row.name, (0, 0)))


def _held(module: nn.Module) -> Iterator[tuple[str, tuple[int, int]]]:
    """Per module with parameters of its own: their number and bytes, each parameter once."""
    seen: set[int] = set()
    for name, child in module.named_modules():
        own = [p for p in child.parameters(recurse=False) if id(p) not in seen]
        seen |= {id(p) for p in own}
        if own:
            yield (
                name,
                (sum(p.numel() for p in own), sum(p.numel() * p.element_size() for p in own)),
            )
