"""Ways to write a network: how forward() joins, shares, moves and repeats layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import snntorch
import torch
import torch.nn.functional as F
from torch import nn

from tests.conformance.snntorch_table.options import Shape


class Parts(nn.Module):
    """Two layers with a neuron each, called by the forms below in their own ways."""

    def __init__(self, hidden: bool = True) -> None:
        super().__init__()
        self.fc1, self.fc2, self.rec = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6, bias=False)
        options = {"beta": 0.8, "threshold": 0.3, "init_hidden": hidden}
        self.lif1, self.lif2 = snntorch.Leaky(**options), snntorch.Leaky(**options)


class Residual(Parts):
    def forward(self, x: Any) -> Any:
        first = self.lif1(self.fc1(x))
        return self.lif2(self.fc2(first) + first)


class Skip(Parts):
    def forward(self, x: Any) -> Any:
        return self.lif2(self.fc2(self.lif1(self.fc1(x))) + x)


class Concatenated(Parts):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(12, 4)
        self.lif3 = snntorch.Leaky(beta=0.8, threshold=0.3, init_hidden=True)

    def forward(self, x: Any) -> Any:
        both = torch.cat([self.lif1(self.fc1(x)), self.lif2(self.fc2(x))], dim=1)
        return self.lif3(self.last(both))


class SharedLayer(Parts):
    def forward(self, x: Any) -> Any:
        return self.lif2(self.fc1(self.lif1(self.fc1(x))))


class SharedNeuron(Parts):
    def forward(self, x: Any) -> Any:
        return self.lif1(self.fc2(self.lif1(self.fc1(x))))


class Scaled(Parts):
    def forward(self, x: Any) -> Any:
        return self.lif1(2.0 * self.fc1(x))


class TwoOutputs(Parts):
    def forward(self, x: Any) -> Any:
        first = self.lif1(self.fc1(x))
        return self.lif2(self.fc2(first)), first


class Inside(Parts):
    """The time loop, and the layer's spikes of the step before."""

    def __init__(self) -> None:
        super().__init__(hidden=False)

    def forward(self, x: Any) -> Any:
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        spk, record = torch.zeros(x.shape[1], 6), []
        for step in x:
            spk, mem1 = self.lif1(self.fc1(step) + self.rec(spk), mem1)
            out, mem2 = self.lif2(self.fc2(spk), mem2)
            record.append(out)
        return torch.stack(record)


class Outside(Parts):
    """One step; the caller keeps the states."""

    def __init__(self) -> None:
        super().__init__(hidden=False)

    def forward(self, x: Any, mem1: Any, mem2: Any) -> Any:
        spk, mem1 = self.lif1(self.fc1(x), mem1)
        spk, mem2 = self.lif2(self.fc2(spk), mem2)
        return spk, mem1, mem2


class Channels(nn.Module):
    """Two convolutions joined along the channels, and one cut out again."""

    def __init__(self, cut: bool = False) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(2, 3, 3), nn.Conv2d(2, 2, 3, bias=False)
        self.last, self.cut = nn.Conv2d(2 if cut else 5, 2, 2), cut
        self.lif1, self.lif2 = _leaky(), _leaky()

    def forward(self, x: Any) -> Any:
        both = self.lif1(torch.cat([self.left(x), self.right(x)], dim=1))
        return self.lif2(self.last(both[:, 1:3] if self.cut else both))


class Halves(Parts):
    """chunk: each half of the features goes its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = nn.Linear(3, 6), nn.Linear(3, 6)

    def forward(self, x: Any) -> Any:
        low, high = self.lif1(self.fc1(x)).chunk(2, dim=1)
        return self.lif2(self.low(low) - self.high(high))


class Shifted(Parts):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.linspace(-0.3, 0.3, 6))

    def forward(self, x: Any) -> Any:
        return self.lif2(self.fc2(self.lif1(x * 1.5 + self.shift)) / 2 - 0.1)


class Functional(Parts):
    """Weights of the module in functions of torch."""

    def forward(self, x: Any) -> Any:
        first = self.lif1(F.linear(x, self.fc1.weight, self.fc1.bias))
        return self.lif2(first @ self.fc2.weight.t() + self.fc2.bias)


class FunctionalImages(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.norm, self.lif = nn.BatchNorm2d(4), _leaky()

    def forward(self, x: Any) -> Any:
        norm = self.norm
        x = F.conv2d(x, self.conv.weight, self.conv.bias, stride=1, padding=1)
        x = F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return self.lif(F.avg_pool2d(F.dropout(x, training=self.training), 2).flatten(1))


class Averaged(nn.Module):
    """Global average pooling, written as a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc, self.lif = nn.Conv2d(2, 4, 3), nn.Linear(4, 3), _leaky()

    def forward(self, x: Any) -> Any:
        return self.lif(self.fc(self.conv(x).mean((2, 3))))


class Late(Inside):
    """The second layer gets the first one's spikes of the step before."""

    def forward(self, x: Any) -> Any:
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        spk, record = torch.zeros(x.shape[1], 6), []
        for step in x:
            out, mem2 = self.lif2(self.fc2(spk), mem2)
            spk, mem1 = self.lif1(self.fc1(step), mem1)
            record.append(out)
        return torch.stack(record)


class TwoBack(Inside):
    """Feedback of the spikes of two steps before."""

    def forward(self, x: Any) -> Any:
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        spk = older = torch.zeros(x.shape[1], 6)
        record = []
        for step in x:
            new, mem1 = self.lif1(self.fc1(step) + self.rec(older), mem1)
            older, spk = spk, new
            out, mem2 = self.lif2(self.fc2(new), mem2)
            record.append(out)
        return torch.stack(record)


class TwoInputs(Parts):
    def __init__(self) -> None:
        super().__init__()
        self.fc2 = nn.Linear(4, 6)

    def forward(self, sound: Any, touch: Any) -> Any:
        return self.lif2(self.rec(self.lif1(self.fc1(sound))) + self.fc2(touch))


class Named(Parts):
    def forward(self, x: Any) -> Any:
        first = self.lif1(self.fc1(x))
        return {"spikes": self.lif2(self.fc2(first)), "hidden": {"first": first}}


class Half(Residual):
    def __init__(self) -> None:
        super().__init__()
        self.half()


class Decides(Parts):
    def forward(self, x: Any) -> Any:
        return self.lif1(self.fc1(x) if x.sum() > 0 else self.fc2(x))


class Noisy(Parts):
    def forward(self, x: Any) -> Any:
        return self.lif1(self.fc1(x) + torch.randn_like(x))


class Multiplied(Parts):
    def forward(self, x: Any) -> Any:
        return self.lif2(self.lif1(self.fc1(x)) * self.fc2(x))


def _leaky() -> Any:
    return snntorch.Leaky(beta=0.8, threshold=0.3, init_hidden=True)


@dataclass(frozen=True)
class Form:
    """A way to write a network, the shapes it takes and the outputs that are asked for."""

    name: str
    make: Callable[[], nn.Module]
    shape: Any = (6,)
    output: Any = None


def forms() -> Iterator[Form]:
    image: Shape = (2, 6, 5)
    yield Form("nested Sequential", lambda: nn.Sequential(Skip(), Skip()))
    yield Form("residual connection", Residual)
    yield Form("input added to a later layer", Skip)
    yield Form("torch.cat of features", Concatenated)
    yield Form("torch.cat of channels", Channels, image)
    yield Form("channels cut out", lambda: Channels(cut=True), image)
    yield Form("chunk, subtraction", Halves)
    yield Form("a layer used twice", SharedLayer)
    yield Form("a neuron used twice", SharedNeuron)
    yield Form("multiplied by a number", Scaled)
    yield Form("constants multiplied and added", Shifted)
    yield Form("F.linear, matmul", Functional)
    yield Form("F.conv2d, F.batch_norm, F.avg_pool2d", FunctionalImages, image)
    yield Form("mean over height and width", Averaged, image)
    yield Form("one of two outputs", TwoOutputs)
    yield Form("both of two outputs", TwoOutputs, output="all")
    yield Form("a dict of outputs", Named, output=("hidden_first", "spikes"))
    yield Form("two inputs, by position", TwoInputs, ((6,), (4,)))
    yield Form("two inputs, by name", TwoInputs, {"touch": (4,), "sound": (6,)})
    yield Form("time loop in forward(), own recurrence", Inside)
    yield Form("time loop, spikes of the step before", Late)
    yield Form("time loop, feedback of two steps before", TwoBack)
    yield Form("states as arguments of forward()", Outside)
    yield Form("half precision", Half)
    yield Form("the data decide the way", Decides)
    yield Form("noise", Noisy)
    yield Form("signals multiplied", Multiplied)
