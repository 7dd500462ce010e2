"""The user's own artificial network: run once on its input, counted while it runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.bench.comparison import Own
from neurodeploy.bench.counting.convention import DEFAULT
from neurodeploy.bench.counting.record import TORCH, ByValue, CountRecord, LayerCount
from neurodeploy.bench.energy_records import Ann
from neurodeploy.bench.op_counts import LayerOps, OpCounts
from neurodeploy.bench.torch_counts import count_ops
from neurodeploy.errors import DataError, Diagnostic


def run_own_ann(module: nn.Module, x: Any, *, name: str, passes: str = "stream") -> Own:
    """Counts and output of `module` on `x`.

    stream: x `(T, B, ...)`, a pass for every step; still: x `(B, ...)`, one pass, or the first step
    of `(T, B, ...)` where forward() takes no more. Raises DataError if forward() fails.
    """
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    data = torch.as_tensor(x).to(dtype)
    runner = _Runner(module)
    steps = data if passes == "stream" else data[None]
    try:
        counts = count_ops(runner, steps, samples=steps.shape[1], passes=len(steps))
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        detail = f"forward() on {tuple(steps.shape[1:])} raised {type(error).__name__}: {error}"
        hint = "give its own input with --ann-input, and --passes still for one pass"
        raise DataError(Diagnostic(name, "forward", detail, hint)) from error
    output = torch.stack(runner.outputs).numpy() if runner.outputs else None
    return Own(Ann(name, False, len(steps), _record(counts)), output)


class _Runner(nn.Module):
    """Calls `network` on one step after another and keeps the first tensor of each answer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.outputs: list[Tensor] = []

    def forward(self, x: Tensor) -> None:
        for step in x:
            out = self.network(step)
            first = out if isinstance(out, Tensor) else next(iter(out))
            self.outputs.append(first.detach())


def _record(counts: OpCounts) -> CountRecord:
    rows = [_row(layer) for layer in counts.layers]
    if counts.activations:
        rows.append(LayerCount("rectifiers", "activation", compares=counts.activations))
    return CountRecord(
        DEFAULT, counts.samples, counts.passes, TORCH, tuple(rows), uncounted=counts.uncounted
    )


def _row(layer: LayerOps) -> LayerCount:
    return LayerCount(
        layer.module.removeprefix("network."),
        "conv" if layer.op == "convolution" else "linear",
        calls=layer.calls,
        outputs=layer.outputs,
        dense_macs=layer.dense_macs,
        effective=ByValue(ternary=layer.effective_acs, graded=layer.effective_macs),
        bias_adds=layer.bias_adds,
    )
