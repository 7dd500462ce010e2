"""What counting costs: the torch counter and neurobench beside a plain forward pass.

    python -m benchmarks.op_counting [--repeats 9] [-o benchmarks/results/op_counting.json]

One process, one thread, all ways in turns on the same batch, so that all see the same machine;
times are of the thread's own processor time, the least of the repeats. "first": a counter made for
one batch, its looking through the weights included; "each": a batch more in an open counter.
neurobench (2.3.0, if it is installed) counts synaptic operations alone, and is left out where it
does not see all of them. Weights and inputs are random.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import snntorch
import torch
from snntorch import utils
from torch import Tensor, nn

from neurodeploy.bench.counting.torch_counter import OperationCounter, count_ops
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.whole_files import write_text

STEPS = 25


def leaky() -> nn.Module:
    return snntorch.Leaky(beta=0.9, init_hidden=True)


class OverSteps(nn.Module):
    """A spiking network on `(B, T, ...)`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        utils.reset(self.network)
        return torch.stack([self.network(step) for step in x.unbind(1)])


def mlp(*sizes: int) -> nn.Module:
    layers = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), leaky())]
    return OverSteps(nn.Sequential(*layers))


def gestures() -> nn.Module:
    layers: list[nn.Module] = []
    for c_in, c_out in ((2, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(c_in, c_out, 5, padding=2), leaky(), nn.MaxPool2d(2)]
    return OverSteps(nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 11), leaky()))


def vgg16() -> nn.Module:
    layers: list[nn.Module] = []
    c_in = 3
    for count, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(count):
            conv = nn.Conv2d(c_in, width, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU()]
            c_in = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def spikes(*shape: int) -> Tensor:
    return (torch.rand(shape) < 0.1).float()


def networks() -> dict[str, tuple[nn.Module, Tensor, bool]]:
    """Name: module, batch, and whether neurobench counts all of it."""
    encoder = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
    return {
        "MNIST SNN 784-1000-10, B 128": (mlp(784, 1000, 10), spikes(128, STEPS, 784), True),
        "GSC SNN 20-256-256-256-35, B 256": (
            mlp(20, 256, 256, 256, 35),
            spikes(256, STEPS, 20),
            True,
        ),
        "GSC SNN 20-256-256-256-35, B 32": (
            mlp(20, 256, 256, 256, 35),
            spikes(32, STEPS, 20),
            True,
        ),
        "DVS-Gesture SNN, B 16": (gestures(), spikes(16, STEPS, 2, 32, 32), True),
        "VGG-16, 32 pixels, B 32": (vgg16(), torch.rand(32, 3, 32, 32), True),
        "LSTM 64-128-128, 50 steps, B 16": (
            nn.LSTM(64, 128, 2, batch_first=True),
            torch.rand(16, 50, 64),
            False,
        ),
        "transformer layer 256, 128 tokens, B 4": (encoder, torch.rand(4, 128, 256), False),
    }


def neurobench_pass(module: nn.Module, x: Tensor) -> Callable[[], Any] | None:
    """A batch through neurobench's hooks and its synaptic operations; None if not installed."""
    try:
        from neurobench.metrics.workload import SynapticOperations
        from neurobench.models import TorchModel
    except ImportError:
        return None
    model = TorchModel(module)

    def run() -> Any:
        metric = SynapticOperations()
        model.register_hooks()
        found = metric(model, model(x), (x, None))
        model.cleanup_hooks()
        return found

    return run


def measure(module: nn.Module, x: Tensor, whole: bool, repeats: int) -> dict[str, float]:
    """Seconds of processor time a batch."""
    module.eval()
    nothing = nullcontext()
    ways: dict[str, tuple[Any, Callable[[], Any]]] = {
        "plain": (nothing, lambda: module(x)),
        "first": (nothing, lambda: count_ops(module, x, samples=len(x))),
        "each": (OperationCounter(module), lambda: module(x)),
    }
    theirs = neurobench_pass(module, x) if whole else None
    if theirs is not None:
        ways["neurobench"] = (nothing, theirs)
    best = dict.fromkeys(ways, float("inf"))
    for turn in range(repeats + 1):
        for name, (block, way) in ways.items():
            with torch.no_grad(), block:
                start = time.thread_time()
                way()
                taken = time.thread_time() - start
            if turn:  # the first turn compiles and warms up
                best[name] = min(best[name], taken)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = []
    for name, (module, x, whole) in networks().items():
        seconds = measure(module, x, whole, args.repeats)
        found.append({"network": name, "seconds": seconds})
        ratios = (f"{way} {s / seconds['plain']:.2f}x" for way, s in seconds.items())
        print(f"{name:40} {seconds['plain'] * 1e3:8.1f} ms  {'  '.join(ratios)}", flush=True)
    if args.output:
        made = to_json(provenance("python -m benchmarks.op_counting"))
        text = json.dumps({"provenance": made, "measurements": found}, indent=1) + "\n"
        write_text(args.output, text)


if __name__ == "__main__":
    main()
