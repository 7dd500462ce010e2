"""Norse's containers, and the ways to loop over time and pass states on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import norse.torch as norse
import torch
from torch import nn, tensor

from tests.conformance.norse_table.combination import IMAGE, Combination, N


class CellLoop(nn.Module):
    """Cells, their states passed on inside forward()."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(N, 8), nn.Linear(8, 4)
        self.hidden, self.read = norse.LIFCell(), norse.LICell()

    def step(self, x: Any, hidden: Any, read: Any) -> Any:
        z, hidden = self.hidden(self.first(x), hidden)
        v, read = self.read(self.last(z), read)
        return z, v, hidden, read

    def forward(self, x: Any) -> Any:
        hidden = read = None
        steps = []
        for x_t in x:
            _, v, hidden, read = self.step(x_t, hidden, read)
            steps.append(v)
        return torch.stack(steps)


class CellStep(CellLoop):
    """One step; the caller passes the states on."""

    def forward(self, x: Any, hidden: Any = None, read: Any = None) -> Any:
        return self.step(x, hidden, read)[1:]


class FromZero(CellLoop):
    """The first state is made by hand, at Norse's rest."""

    def forward(self, x: Any) -> Any:
        zeros = torch.zeros(x.shape[1], 8)
        hidden, read = norse.LIFFeedForwardState(v=zeros, i=zeros), None
        steps = []
        for x_t in x:
            _, v, hidden, read = self.step(x_t, hidden, read)
            steps.append(v)
        return torch.stack(steps)


class Forgetful(CellLoop):
    def forward(self, x: Any) -> Any:
        return torch.stack([self.hidden(self.first(x_t))[0] for x_t in x])


class ReadsState(CellLoop):
    """Returns a field of the spiking layer's state."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field

    def forward(self, x: Any, hidden: Any = None) -> Any:
        _, hidden = self.hidden(self.first(x), hidden)
        return getattr(hidden, self.field), hidden


def _cells() -> nn.Module:
    return norse.SequentialState(
        nn.Linear(N, 8), norse.LIFCell(), nn.Linear(8, 5), norse.LIFRecurrentCell(5, 4)
    )


def _sequences() -> nn.Module:
    return norse.SequentialState(
        nn.Linear(N, 8), norse.LIF(), nn.Linear(8, 5), norse.LIFRecurrent(5, 5), norse.LI()
    )


def _lifted_layers() -> nn.Module:
    return norse.SequentialState(
        norse.Lift(nn.Conv2d(1, 2, 3)),
        norse.LIF(),
        norse.Lift(nn.AvgPool2d(2)),
        nn.Flatten(2),
        nn.Linear(8, 3),
        norse.LI(),
    )


def _lifted_network() -> nn.Module:
    step = norse.SequentialState(
        nn.Conv2d(1, 2, 3),
        nn.BatchNorm2d(2),
        norse.LIFBoxCell(norse.LIFBoxParameters(v_th=tensor(0.3))),
        nn.Flatten(),
        nn.Linear(32, 3),
        norse.IAFCell(),
    )
    return norse.Lift(step)


def networks() -> Iterator[Combination]:
    yield Combination("SequentialState", "of cells and layers", _cells)
    yield Combination("SequentialState", "of sequence layers", _sequences, gain=4.0)
    yield Combination("Lift", "around layers", _lifted_layers, IMAGE, 6.0)
    yield Combination("Lift", "around a SequentialState", _lifted_network, IMAGE, 6.0)
    yield Combination(
        "Lift",
        "around a cell, in a SequentialState",
        lambda: norse.SequentialState(norse.Lift(norse.LIFCell()), norse.Lift(norse.LIFCell())),
    )
    yield Combination("cells", "time loop in forward()", CellLoop)
    yield Combination("cells", "states as arguments of forward()", CellStep)
    yield Combination("cells", "first state made at rest", FromZero)
    yield Combination("cells", "states not passed on", Forgetful)
    yield Combination("cells", "membrane of a LIFCell returned", lambda: ReadsState("v"))
    yield Combination("cells", "current of a LIFCell returned", lambda: ReadsState("i"))
