"""Parts in torch, step after step, each from rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from neurodeploy.frontends.hybrid.stepping import Recorder, Step
from neurodeploy.frontends.snntorch.neuron_layers import SNNTORCH
from neurodeploy.frontends.tracer.network_copy import copy_for_run, precision_of

Array = np.ndarray[Any, np.dtype[Any]]


Watch = Callable[[nn.Module], AbstractContextManager[Any]]


def _unwatched(network: nn.Module) -> AbstractContextManager[Any]:
    return nullcontext()


class Region:
    """A host's part, from rest; its neurons keep their states from one call to the next."""

    def __init__(self, module: fx.GraphModule) -> None:
        self.network = copy_for_run(module, SNNTORCH)

    @torch.no_grad()
    def advance(self, inputs: Iterable[Array]) -> tuple[Array, ...]:
        """What it returns for the next steps, `(T, B, *shape)` each; T is not 0."""
        steps: list[tuple[Tensor, ...]] = []
        with SNNTORCH.running(self.network):
            for step in _steps(self.network, inputs):
                out = self.network(*step)
                steps.append(out if isinstance(out, tuple) else (out,))
        return tuple(torch.stack(values).numpy() for values in zip(*steps, strict=True))


def run_region(
    module: fx.GraphModule, inputs: Mapping[str, Array], watch: Watch = _unwatched
) -> tuple[Array, ...]:
    """What a host's part returns, `(T, B, *shape)` each; `inputs` in the order of its arguments.
    watch: what is open around the run of a copy of `module`, a counter for one."""
    region = Region(module)
    with watch(region.network):
        return region.advance(inputs.values())


def run_module(step: Step, inputs: Mapping[str, Array], keep: Iterable[str]) -> dict[str, Array]:
    """Values of the whole module in torch, `(T, B, *shape)` each."""
    network = copy_for_run(step.network, SNNTORCH)
    assert isinstance(network, fx.GraphModule)
    found: dict[str, list[Array]] = {name: [] for name in keep}
    with torch.no_grad(), SNNTORCH.running(network):
        for now in _steps(network, (inputs[n.name] for n in step.inputs)):
            recorder = Recorder(network)
            recorder.run(*now)
            for name, values in found.items():
                values.append(recorder.values[name].numpy().copy())
    return {name: np.stack(values) for name, values in found.items()}


def _steps(network: nn.Module, inputs: Iterable[Array]) -> Iterable[tuple[Tensor, ...]]:
    dtype = precision_of(network)
    return zip(*(torch.from_numpy(np.ascontiguousarray(x)).to(dtype) for x in inputs), strict=True)
