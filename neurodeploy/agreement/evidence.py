"""What of a comparison a picture can show: when values differ, in which neuron, and its membrane.

Small by construction: at most BINS shares, one window of one neuron and one raster per layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from neurodeploy.agreement.elements import Array
from neurodeploy.agreement.stages import Comparison

BINS: Final = 200
BEFORE: Final = 20  # steps of the window before the first difference, and from it on
AFTER: Final = 60
RASTER_NEURONS: Final = 40


@dataclass(frozen=True)
class Window:
    """Two stages' run of one neuron of one sample from step `start` on.

    left, right: its membrane in units of the real one, after the reset; empty if not recorded;
    left_spikes, right_spikes: steps; threshold: of that neuron, None if it has none or leaves it.
    """

    sample: int
    index: tuple[int, ...]
    start: int
    steps: int
    left: tuple[float, ...]
    right: tuple[float, ...]
    left_spikes: tuple[int, ...]
    right_spikes: tuple[int, ...]
    threshold: float | None


@dataclass(frozen=True)
class SpikeRaster:
    """Spikes of one sample in the window's steps: (step, row) pairs; rows are `neurons` (flat)."""

    sample: int
    start: int
    steps: int
    neurons: tuple[int, ...]
    both: tuple[tuple[int, int], ...]
    left_only: tuple[tuple[int, int], ...]
    right_only: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class LayerEvidence:
    """One layer of one pair of stages.

    quantity: "spikes", or a state where spikes agree or are none; course: per bin of `bin_steps`
    steps, of spikes the share that differs, of a state the mean |difference| in real units.
    """

    left: str
    right: str
    layer: str
    quantity: str
    exact: bool
    bin_steps: int
    course: tuple[float, ...]
    window: Window | None
    raster: SpikeRaster | None


def gather(
    comparisons: tuple[Comparison, ...], thresholds: Mapping[str, Array]
) -> Iterator[LayerEvidence]:
    """Evidence of every layer in which two stages differ; none where all is equal."""
    groups: dict[tuple[str, str, str], dict[str, Comparison]] = {}
    for c in comparisons:
        d = c.difference
        groups.setdefault((d.left, d.right, d.layer), {})[d.quantity] = c
    for (left, right, layer), found in groups.items():
        # where spikes are promised and agree, a membrane that is only measured shows nothing
        shown = (c.difference for c in found.values())
        promised = any(c.difference.exact for c in found.values())
        if any(d.differing and (d.exact or not promised) for d in shown):
            yield _layer((left, right, layer), found, thresholds.get(layer))


def _layer(
    key: tuple[str, str, str], found: Mapping[str, Comparison], threshold: Array | None
) -> LayerEvidence:
    quantity = next(q for q in ("spikes", "v", *found) if q in found)
    leading = found[quantity]
    if not leading.difference.differing:  # spikes agree, a state does not
        quantity, leading = next((q, c) for q, c in found.items() if c.difference.differing)
    gap = np.abs(_flat(leading.left) - _flat(leading.right))
    gap = np.where(gap > leading.slack, gap, 0.0)
    shown = (gap > 0).astype(np.float64) if quantity == "spikes" else gap
    width = -(-len(gap) // BINS)
    course = [float(shown[t : t + width].mean()) for t in range(0, len(gap), width)]
    sample, neuron, start = _worst(gap, quantity)
    return LayerEvidence(
        *key,
        quantity=quantity,
        exact=leading.difference.exact,
        bin_steps=width,
        course=_floats(np.asarray(course)),
        window=_window(found, sample, neuron, start, threshold),
        raster=_raster(found["spikes"], sample, neuron, start) if "spikes" in found else None,
    )


def _flat(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(*values.shape[:2], -1)


def _worst(gap: Array, quantity: str) -> tuple[int, int, int]:
    """Sample and neuron with the most differences (of a state: the largest sum), and the step to
    show: its first difference, of a state its largest."""
    spikes = quantity == "spikes"
    score = ((gap > 0) if spikes else gap).sum(axis=0)
    sample, neuron = (int(i) for i in np.unravel_index(int(np.argmax(score)), score.shape))
    course = gap[:, sample, neuron]
    return sample, neuron, int(np.argmax(course > 0 if spikes else course))


def _window(
    found: Mapping[str, Comparison], sample: int, neuron: int, step: int, threshold: Array | None
) -> Window:
    whole = next(iter(found.values())).left
    start = max(step - BEFORE, 0)
    end = min(step + AFTER, len(whole))
    index = tuple(int(i) for i in np.unravel_index(neuron, whole.shape[2:] or (1,)))

    def course(quantity: str, side: str) -> Array:
        if quantity not in found:
            return np.zeros(0)
        return _flat(getattr(found[quantity], side))[start:end, sample, neuron]

    level = None if threshold is None else float(np.ravel(threshold)[neuron])
    return Window(
        sample=sample,
        index=index,
        start=start,
        steps=end - start,
        left=_floats(course("v", "left")),
        right=_floats(course("v", "right")),
        left_spikes=_steps(course("spikes", "left"), start),
        right_spikes=_steps(course("spikes", "right"), start),
        threshold=level if level is not None and np.isfinite(level) else None,
    )


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(float(f"{v:.7g}") for v in values)


def _steps(spikes: Array, start: int) -> tuple[int, ...]:
    return tuple(int(t) + start for t in np.flatnonzero(spikes))


def _raster(spikes: Comparison, sample: int, worst: int, step: int) -> SpikeRaster:
    """Evenly spaced neurons and the worst one: nothing else is chosen by what it does."""
    left, right = (_flat(x)[:, sample] != 0 for x in (spikes.left, spikes.right))
    start = max(step - BEFORE, 0)
    end = min(start + 2 * (BEFORE + AFTER), len(left))
    size = left.shape[1]
    even = np.linspace(0, size - 1, min(size, RASTER_NEURONS)).round().astype(int)
    shown = np.unique([*even, worst])
    a, b = left[start:end][:, shown], right[start:end][:, shown]
    return SpikeRaster(
        sample=sample,
        start=start,
        steps=end - start,
        neurons=tuple(int(n) for n in shown),
        both=_events(a & b, start),
        left_only=_events(a & ~b, start),
        right_only=_events(b & ~a, start),
    )


def _events(marks: Any, start: int) -> tuple[tuple[int, int], ...]:
    return tuple((int(t) + start, int(row)) for t, row in np.argwhere(marks))
