"""Zeros that are copied around a tensor before a convolution: they are padding all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from neurodeploy.bench.counting.fanout import Inside, storage_of, version_of


class Padding:
    """Remembers the tensor that was padded last."""

    def __init__(self) -> None:
        self._padded: tuple[Tensor, int, Inside] | None = None

    def pad(self, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> None:
        """A call of `constant_pad_nd`: zeros around the spatial axes of `(B, C, ...)`."""
        pads, value = args[1], args[2] if len(args) > 2 else kwargs.get("value", 0)
        axes = out.dim() - 2
        if value != 0 or min(pads) < 0 or len(pads) > 2 * axes:
            return
        around = [*pads, *(0 for _ in range(2 * axes - len(pads)))]
        pairs = [(around[2 * i], around[2 * i + 1]) for i in reversed(range(axes))]
        sizes = zip(pairs, out.shape[2:], strict=True)
        inside = tuple((before, size - after) for (before, after), size in sizes)
        self._padded = (out, version_of(out), inside)

    def inside(self, x: Tensor) -> Inside:
        """Where x is no padding; None if it was not padded, or was written to since."""
        if self._padded is None:
            return None
        padded, version, inside = self._padded
        same = storage_of(padded) == storage_of(x) and padded.shape == x.shape
        return inside if same and version_of(x) == version else None
