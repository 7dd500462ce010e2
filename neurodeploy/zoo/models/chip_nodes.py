"""NIR nodes of the layers of chip_layers.py; everything is `(channels, 1)`.

A linear map is a convolution of one tap over one place, as in `frontends.state_space`. An LIF's
gain per step is r dt / tau = 1, its decay 1 - dt / tau = beta.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
from torch import Tensor

from neurodeploy.zoo.models.chip_layers import Norm

Array = np.ndarray[Any, np.dtype[np.float64]]


def array(x: Tensor) -> Array:
    return x.detach().cpu().double().numpy()


def linear(weight: Array, bias: Array | None = None) -> nir.Conv1d:
    """(out, in) as one tap; no bias is zeros."""
    offset = np.zeros(len(weight)) if bias is None else bias
    return nir.Conv1d(1, weight[..., None], 1, 0, 1, 1, offset)


def folded(weight: Tensor, norm: Norm, shortcut: bool = False) -> nir.Conv1d:
    """norm(W x) + x, the latter with `shortcut`."""
    gain, offset = (array(x) for x in norm.affine_map())
    direct = np.eye(len(gain)) if shortcut else 0.0
    return linear(gain[:, None] * array(weight) + direct, offset)


def lif(width: int, beta: float, dt: float, offset: Array | None = None) -> nir.LIF:
    """v[t] = beta v[t-1] + i[t] + offset, reset to zero above 1."""
    shape = (width, 1)
    tau = np.full(shape, dt / (1.0 - beta))
    leak = np.zeros(shape) if offset is None else offset[:, None] / (1.0 - beta)
    return nir.LIF(tau, tau / dt, leak, np.ones(shape), np.zeros(shape))
