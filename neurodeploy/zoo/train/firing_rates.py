"""How often spiking layers fire while a network runs, for regularising and reporting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def firing_rates(*layers: nn.Module) -> Iterator[Callable[[], list[Tensor]]]:
    """Mean spikes per neuron and step of each snnTorch or PLIF layer, since the last call of the
    result.

    The means carry gradients. The layers are watched inside the `with` block only.
    """
    spikes: list[list[Tensor]] = [[] for _ in layers]

    def watch(kept: list[Tensor]) -> Any:
        def keep(module: nn.Module, args: Any, output: Any) -> None:
            spikes = output[0] if isinstance(output, tuple) else output
            kept.append(spikes.mean())

        return keep

    handles = [m.register_forward_hook(watch(s)) for m, s in zip(layers, spikes, strict=True)]

    def rates() -> list[Tensor]:
        means = [torch.stack(s).mean() for s in spikes]
        for s in spikes:
            s.clear()
        return means

    try:
        yield rates
    finally:
        for handle in handles:
            handle.remove()
