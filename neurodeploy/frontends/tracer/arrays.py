"""Torch tensors as numpy arrays of our own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]


def to_array(tensor: Tensor) -> Array:
    """A copy in the tensor's own precision; half precisions, exactly, in float32."""
    tensor = tensor.detach().cpu()
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    return np.array(tensor.numpy())


def to_float64(tensor: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A copy in float64; takes tensors and numbers."""
    if isinstance(tensor, Tensor):
        tensor = to_array(tensor)
    return np.array(tensor, dtype=np.float64)
