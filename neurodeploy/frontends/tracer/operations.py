"""What a network does between its layers, as layers of ours: moving, scaling, shifting values.

They stand beside the user's modules in the tracer's table. A key tells two of them apart by their
content, so that the same computation has the same key at every step and in every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from neurodeploy.frontends.tracer.arrays import to_array

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]
_MARK = "#"


class Operation(nn.Module):
    """`function` is the torch function that the user called, `where` the line of the call."""

    function: str = ""
    where: str = ""


class Wiring(Operation):
    """y.flat[j] = x.flat[index.flat[j] - 1], or 0 where the index is 0. `index` has y's shape."""

    def __init__(self, index: Array, in_shape: Shape) -> None:
        super().__init__()
        self.index, self.in_shape = np.asarray(index, dtype=np.int64), in_shape


class Scaling(Operation):
    """y = values * x, element by element."""

    def __init__(self, values: Array) -> None:
        super().__init__()
        self.values = values


class Shift(Operation):
    """y = x + values, element by element."""

    def __init__(self, values: Array) -> None:
        super().__init__()
        self.values = values


class Table:
    """Modules by key: paths of the user's own, and stems with a digest for everything else."""

    def __init__(self, modules: Mapping[str, nn.Module] | None = None) -> None:
        self.modules: dict[str, nn.Module] = dict(modules or {})

    def add(self, stem: str, module: nn.Module) -> str:
        """The key under which this module, or one with the same content, is kept.

        "__getitem__" becomes "getitem": readers of the graph make attributes of node names.
        """
        stem = stem.strip("_") if stem.startswith("__") else stem
        key = f"{stem}{_MARK}{_digest(module)}"
        self.modules.setdefault(key, module)
        return key


def stem_of(key: str) -> str:
    """The key without its digest: what a node is named after."""
    return key.partition(_MARK)[0]


def _digest(module: nn.Module) -> str:
    digest = hashlib.sha256(type(module).__qualname__.encode())
    options = vars(module).items()
    tensors = {**module._parameters, **module._buffers}
    content = [(k, v) for k, v in (*options, *tensors.items()) if not k.startswith("_")]
    for name, value in sorted(content, key=lambda item: item[0]):
        if name in ("where", "function", "training"):
            continue
        array = to_array(value) if isinstance(value, Tensor) else value
        if isinstance(array, np.ndarray):
            digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
        else:
            digest.update(f"{name} {array!r}".encode())
    return digest.hexdigest()[:16]
