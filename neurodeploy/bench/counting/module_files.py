"""A module counted on an array in a file, or on a shape alone."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from neurodeploy.bench.counting.convention import Convention
from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.counting.torch_counter import count_ops
from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.input_files import read_input


def count_module_file(
    module: nn.Module,
    name: str,
    inputs: Path | None,
    shape: tuple[int, ...] | None,
    convention: Convention,
    strict: bool = False,
) -> CountRecord:
    """One call on the array `(B, ...)` in `inputs`, or on one sample of `shape` without values.

    Raises DataError if forward() fails on it, UnsupportedLayer as `count_ops` does.
    """
    if inputs is None:
        module = module.to("meta")
        x = torch.empty((1, *(shape or ())), device="meta")
    else:
        dtype = next((p.dtype for p in module.parameters()), torch.float32)
        x = torch.as_tensor(read_input(inputs)).to(dtype)
    try:
        return count_ops(module, x, samples=len(x), convention=convention, strict=strict)
    except (IndexError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        detail = f"forward() on {tuple(x.shape)} raised {type(error).__name__}: {error}"
        raise DataError(Diagnostic(name, "forward", detail)) from error
