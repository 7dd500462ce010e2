"""Parameters of a Norse layer in float64, one value a neuron."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from neurodeploy.frontends.norse.kinds import KINDS
from neurodeploy.frontends.tracer.arrays import to_array, to_float64

Array = np.ndarray[Any, np.dtype[np.float64]]
Shape = tuple[int, ...]


def neuron_shape(module: Any, input_shape: Shape) -> Shape:
    """The shape of the layer's neurons, without batch."""
    if not KINDS[type(module)].weighted:
        return input_shape
    return (*input_shape[:-1], len(module.input_weights))


def value(module: Any, name: str, shape: Shape) -> Array:
    """Field `name` of the layer's `p`, broadcast to the neurons' `shape`."""
    return np.array(np.broadcast_to(to_float64(getattr(module.p, name)), (1, *shape))[0])


def rate(module: Any, name: str, shape: Shape) -> Array:
    """dt times an inverse time constant: the share by which a step moves the state."""
    return float(module.dt) * value(module, name, shape)


def weights(tensor: Tensor) -> np.ndarray[Any, np.dtype[Any]]:
    """A weight matrix `(neurons, inputs)` in its own precision."""
    return to_array(tensor)
