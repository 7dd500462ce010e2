"""A small sample of spikes for a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.bench.results import Raster

Array = np.ndarray[Any, np.dtype[Any]]


def sample_raster(
    layer: str, spikes: Array, *, sample: int = 0, max_neurons: int = 64, max_steps: int = 400
) -> Raster:
    """Spikes `(T, B, *shape)` of one sample as (step, row) pairs.

    Evenly spaced neurons, at most `max_neurons`; the first `max_steps` steps. Nothing is chosen by
    its activity, so that the picture is no prettier than the run.
    """
    flat = spikes[:max_steps, sample].reshape(min(len(spikes), max_steps), -1)
    size = flat.shape[1]
    shown = np.unique(np.linspace(0, size - 1, min(size, max_neurons)).round().astype(int))
    steps, rows = np.nonzero(flat[:, shown])
    return Raster(
        layer=layer,
        size=size,
        steps=flat.shape[0],
        neurons=tuple(int(n) for n in shown),
        events=tuple((int(t), int(row)) for t, row in zip(steps, rows, strict=True)),
    )
