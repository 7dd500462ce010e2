"""The user's own artificial network: run once on its input, counted while it runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.bench.comparison import Own, passes_of
from neurodeploy.bench.counting.torch_counter import OperationCounter
from neurodeploy.bench.energy_records import Ann
from neurodeploy.errors import DataError, Diagnostic


def run_own_ann(module: nn.Module, x: Any, *, name: str, passes: str = "stream") -> Own:
    """Counts and output of `module` on `x`, in evaluation mode.

    stream: x `(T, B, ...)`, a call for every step; sequence: the same in one call, T passes within;
    still: x `(B, ...)`, one pass. Raises ConfigError for another choice, DataError if forward()
    fails.
    """
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    data = torch.as_tensor(x).to(dtype)
    calls = list(data) if passes == "stream" else [data]
    steps = passes_of(passes, len(data))
    module.eval()
    try:
        with torch.no_grad(), OperationCounter(module) as counter:
            outputs = [_first(module(call)) for call in calls]
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        detail = f"forward() on {tuple(calls[0].shape)} raised {type(error).__name__}: {error}"
        hint = "give its own input with --ann-input, and --passes sequence or still for one call"
        raise DataError(Diagnostic(name, "forward", detail, hint)) from error
    samples = len(data) if passes == "still" else data.shape[1]
    counts = counter.record(samples=samples, steps=steps)
    in_time = passes == "sequence" and outputs[0].shape[:2] == data.shape[:2]
    output = outputs[0] if in_time else torch.stack(outputs)
    return Own(Ann(name, False, steps, counts), output.numpy())


def _first(answer: Any) -> Tensor:
    """The answer, or the first of several."""
    return answer if isinstance(answer, Tensor) else next(iter(answer))
