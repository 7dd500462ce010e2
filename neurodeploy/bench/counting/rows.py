"""Rows that grow while a module runs, and the `LayerCount`s that they become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields

from torch import Tensor, nn

from neurodeploy.bench.counting.arithmetic import Arithmetic
from neurodeploy.bench.counting.record import LayerCount
from neurodeploy.bench.counting.values import Tally, count_nonzero


class Row:
    """One layer's operations of one kind so far."""

    def __init__(self, name: str, op: str) -> None:
        self.name = name
        self.op = op
        self.sums: Counter[str] = Counter()
        self.elements: Counter[Arithmetic] = Counter()
        self.shape: tuple[int, ...] = ()
        self.taken = Tally()
        self.sent = Tally()
        self.skipped = Tally()
        self.state_bytes = 0
        self.model = ""
        self.folds_into = ""

    def call(self, inputs: int, out: Tensor) -> None:
        """One call that took `inputs` elements."""
        if not self.shape:
            self.shape = tuple(out.shape[1:])
        self.sums["calls"] += 1
        self.sums["inputs"] += inputs
        self.sums["outputs"] += out.numel()

    def arithmetic(self, each: Arithmetic, elements: int) -> None:
        self.elements[each] += elements

    def send(self, out: Tensor) -> None:
        """Counts what of `out` is not zero."""
        if not out.is_meta:
            count_nonzero(out, self.sent)

    def finished(self, parameters: int, weight_bytes: int) -> LayerCount:
        for field in fields(Arithmetic):
            found = sum(getattr(each, field.name) * n for each, n in self.elements.items())
            self.sums[field.name] = found
        return LayerCount(
            name=self.name,
            op=self.op,
            shape=self.shape,
            parameters=parameters,
            weight_bytes=weight_bytes,
            state_bytes=self.state_bytes,
            spikes_in=self.taken.nonzero,
            spikes_out=self.sent.nonzero,
            effective=self.taken.by_value,
            zero_weights=self.skipped.by_value,
            model=self.model,
            folds_into=self.folds_into,
            **self.sums,
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
