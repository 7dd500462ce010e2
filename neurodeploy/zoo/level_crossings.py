"""Send-on-delta: a signal as the events of its crossings of a grid of levels.

    up[t]   = x[t] - r[t-1] >= step
    down[t] = r[t-1] - x[t] >= step
    r[t]    = r[t-1] + step (up[t] - down[t])

Each channel follows its signal with a reference r that moves by one `step` per time step, so a
steady signal costs nothing. Silicon cochleas and event cameras code in this way; Müller-Cleve et
al. (2022) code their tactile sensors so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Spikes = npt.NDArray[np.uint8]


def level_crossings(
    x: npt.NDArray[Any], step: float, start: npt.NDArray[Any] | float = 0.0
) -> Spikes:
    """Signals (T, B, N) -> spikes (T, B, 2 N): the ups of all channels, then the downs.

    start: r[-1], broadcast to (B, N).
    """
    steps, batch, channels = x.shape
    reference = np.broadcast_to(np.asarray(start, dtype=np.float64), (batch, channels)).copy()
    spikes = np.zeros((steps, batch, 2 * channels), dtype=np.uint8)
    for t in range(steps):
        change = x[t] - reference
        up, down = change >= step, change <= -step
        spikes[t, :, :channels], spikes[t, :, channels:] = up, down
        reference += step * (up.astype(np.float64) - down)
    return spikes
