"""Layers that are counted whole, by their input and output, without looking at their operators.

They are torch's own linear and convolution layers, nothing more or less: it saves the time that
each dispatched operator costs. Counts are the same either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from torch import Tensor, nn

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
_LAYERS: Final = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def whole_axes(module: nn.Module) -> int | None:
    """Axes of the input of such a layer, 0 for any; None for a module that is none.

    Nor is one a subclass, a layer with a forward() of its own, or a padding but zeros.
    """
    if type(module) not in _LAYERS or "forward" in vars(module):
        return None
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        plain = module.padding_mode == "zeros" and not isinstance(module.padding, str)
        return module.weight.dim() if plain else None
    return 0


def is_plain_sequence(module: nn.Module) -> bool:
    """Whether `module` calls its children one after the other and does nothing else."""
    return type(module) is nn.Sequential and "forward" not in vars(module)


def takes(axes: int, args: Sequence[Any]) -> bool:
    """Whether a call with these arguments has a batch, as `Operators.layer` expects it."""
    return len(args) == 1 and isinstance(args[0], Tensor) and axes in (0, args[0].dim())


def geometry_of(module: nn.Conv1d | nn.Conv2d | nn.Conv3d) -> tuple[Any, ...]:
    """Stride, padding, dilation, transposed, output_padding, groups, as aten's convolution."""
    none = (0,) * len(module.stride)
    return module.stride, module.padding, module.dilation, False, none, module.groups
