"""The user's own artificial network: run once on its input, counted while it runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.bench.comparison import Own
from neurodeploy.bench.counting.torch_counter import OperationCounter
from neurodeploy.bench.energy_records import Ann
from neurodeploy.errors import DataError, Diagnostic


def run_own_ann(module: nn.Module, x: Any, *, name: str, passes: str = "stream") -> Own:
    """Counts and output of `module` on `x`, in evaluation mode.

    stream: x `(T, B, ...)`, a pass for every step; still: x `(B, ...)`, one pass. Raises DataError
    if forward() fails.
    """
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    data = torch.as_tensor(x).to(dtype)
    steps = data if passes == "stream" else data[None]
    module.eval()
    try:
        with torch.no_grad(), OperationCounter(module) as counter:
            outputs = [_first(module(step)) for step in steps]
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        detail = f"forward() on {tuple(steps.shape[1:])} raised {type(error).__name__}: {error}"
        hint = "give its own input with --ann-input, and --passes still for one pass"
        raise DataError(Diagnostic(name, "forward", detail, hint)) from error
    counts = counter.record(samples=steps.shape[1], steps=len(steps))
    return Own(Ann(name, False, len(steps), counts), torch.stack(outputs).numpy())


def _first(answer: Any) -> Tensor:
    """The answer, or the first of several."""
    return answer if isinstance(answer, Tensor) else next(iter(answer))
