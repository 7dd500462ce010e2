"""NeuroBench's metrics by their names and definitions, from exact counts.

Yik et al., Nature Communications 16:1545 (2025); values are those of neurobench 2.3.0, except where
docs/counting.md lists a fault of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from neurodeploy.bench.counting.convention import Convention
from neurodeploy.bench.counting.footprint import Footprint, footprint, is_spiking
from neurodeploy.bench.counting.gates import GATES, gate_operations
from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.counting.torch_counter import OperationCounter

NEUROBENCH: Final = Convention(integers="macs", unit="call")
NEURON_OPERATIONS: Final[dict[str, dict[str, int]]] = {
    "Leaky": {"subtract": 4, "zero": 4},
    "Synaptic": {"subtract": 6, "zero": 8},
    "Lapicque": {"subtract": 11, "zero": 11},
    "Alpha": {"subtract": 18, "zero": 24},
}
"""NeuroBench's operations per membrane update (metrics/workload/neuron_operations.py)."""

_CONNECTIONS: Final = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.RNNCellBase, nn.RNNBase)
_STATELESS: Final = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class SynapticOperations:
    """Per sample. dense: every connection; effective: nonzero inputs on nonzero weights."""

    dense: float
    effective_macs: float
    effective_acs: float


@dataclass(frozen=True)
class NeuronOperations:
    """Per sample, by `NEURON_OPERATIONS`. effective: of updates that changed a membrane."""

    effective: float
    dense: float


@dataclass(frozen=True)
class NeuroBenchMetrics:
    """The static and the workload metrics of one network on one data set.

    activation_sparsity_by_layer: by the module's whole path; neuron_operations: None where a neuron
    has no entry in `NEURON_OPERATIONS`.
    """

    parameter_count: int
    footprint: Footprint
    connection_sparsity: float
    activation_sparsity: float
    activation_sparsity_by_layer: dict[str, float]
    synaptic_operations: SynapticOperations
    membrane_updates: float
    neuron_operations: NeuronOperations | None


def neurobench_metrics(
    module: nn.Module,
    batches: Iterable[Tensor],
    forward: Callable[[Tensor], Any] | None = None,
    activations: tuple[type[nn.Module], ...] = (nn.ReLU, nn.Sigmoid),
) -> NeuroBenchMetrics:
    """Runs `forward` (or the module) on batches `(B, ...)`, in evaluation mode.

    activations: module classes whose outputs are activations, spiking neurons besides.
    """
    module.eval()
    watch = _Watch(module, activations)
    counter = OperationCounter(module, convention=NEUROBENCH)
    samples = 0
    with torch.no_grad(), watch, counter:
        for batch in batches:
            watch.first.clear()
            (forward or module)(batch)
            samples += len(batch)
    return watch.metrics(counter.record(samples=samples))


class _Watch:
    """Counts what NeuroBench looks at besides synaptic operations, by hooks."""

    def __init__(self, module: nn.Module, activations: tuple[type[nn.Module], ...]) -> None:
        self.module = module
        self.first: set[str] = set()
        self.elements: Counter[str] = Counter()
        self.nonzero: Counter[str] = Counter()
        self.updates: Counter[str] = Counter()
        self.gates: Counter[str] = Counter()
        self._activations = activations
        self._membranes: dict[str, Tensor] = {}
        self._open = ExitStack()

    def __enter__(self) -> None:
        for path, child in self.module.named_modules():
            if is_spiking(child):
                self._hook(child.register_forward_pre_hook(self._before(path)))
            if is_spiking(child) or isinstance(child, self._activations):
                self._hook(child.register_forward_hook(self._after(path)))
            if isinstance(child, GATES):
                self._hook(child.register_forward_hook(self._cell(path)))

    def __exit__(self, *error: Any) -> None:
        self._open.close()

    def _hook(self, handle: Any) -> None:
        self._open.callback(handle.remove)

    def _before(self, path: str) -> Callable[..., None]:
        def before(module: nn.Module, args: Any) -> None:
            if isinstance(membrane := getattr(module, "mem", None), Tensor):
                self._membranes[path] = membrane

        return before

    def _after(self, path: str) -> Callable[..., None]:
        def after(module: nn.Module, args: Any, out: Any) -> None:
            with _disable_current_modes():
                sent = out[0] if isinstance(out, tuple) else out
                self.elements[path] += sent.numel()
                self.nonzero[path] += int(torch.count_nonzero(sent))
                membrane = getattr(module, "mem", None)
                if not is_spiking(module) or not isinstance(membrane, Tensor):
                    return
                before = self._membranes.get(path)
                if path in self.first and before is not None:
                    self.updates[path] += int(torch.count_nonzero(before - membrane))
                else:
                    self.updates[path] += membrane.numel()
                self.first.add(path)

        return after

    def _cell(self, path: str) -> Callable[..., None]:
        def cell(module: Any, args: Any, out: Any) -> None:
            with _disable_current_modes():
                effective, dense = gate_operations(module, args, out)
            self.gates.update({f"{path} effective": effective, f"{path} dense": dense})

        return cell

    def metrics(self, record: CountRecord) -> NeuroBenchMetrics:
        elements = sum(self.elements.values())
        silent = elements - sum(self.nonzero.values())
        return NeuroBenchMetrics(
            parameter_count=sum(p.numel() for p in self.module.parameters()),
            footprint=footprint(self.module),
            connection_sparsity=connection_sparsity(self.module),
            activation_sparsity=silent / elements if elements else 0.0,
            activation_sparsity_by_layer={
                path: (count - self.nonzero[path]) / count for path, count in self.elements.items()
            },
            synaptic_operations=self._synaptic_operations(record),
            membrane_updates=sum(self.updates.values()) / record.samples,
            neuron_operations=self._neuron_operations(record.samples),
        )

    def _synaptic_operations(self, record: CountRecord) -> SynapticOperations:
        connections = {n for n, m in self.module.named_modules() if isinstance(m, _CONNECTIONS)}
        rows = [row for row in record.layers if row.name in connections and row.dense_macs]
        gates = {
            end: sum(n for key, n in self.gates.items() if key.endswith(f" {end}"))
            for end in ("effective", "dense")
        }
        macs = sum(row.effective_macs(NEUROBENCH) for row in rows) + gates["effective"]
        return SynapticOperations(
            dense=(sum(row.dense_macs for row in rows) + gates["dense"]) / record.samples,
            effective_macs=macs / record.samples,
            effective_acs=sum(row.effective_acs(NEUROBENCH) for row in rows) / record.samples,
        )

    def _neuron_operations(self, samples: int) -> NeuronOperations | None:
        effective, dense = 0, 0
        for path, updates in self.updates.items():
            neuron: Any = self.module.get_submodule(path)
            known = NEURON_OPERATIONS.get(type(neuron).__name__, {})
            cost = known.get(neuron.reset_mechanism)
            if cost is None:
                return None
            effective += updates * cost
            dense += self.elements[path] * cost
        return NeuronOperations(effective / samples, dense / samples)


def connection_sparsity(module: nn.Module) -> float:
    """Zero weights / weights of linear, convolution and recurrent layers, to four digits.

    As NeuroBench has it, biases of recurrent layers are among the weights, and no others.
    """
    zeros, weights = 0, 0
    for weight in _weights(module):
        zeros += weight.numel() - int(torch.count_nonzero(weight))
        weights += weight.numel()
    return round(zeros / weights, 4) if weights else 0.0


def _weights(module: nn.Module) -> Iterator[Tensor]:
    for child in module.modules():
        if isinstance(child, _STATELESS):
            yield child.weight
        elif isinstance(child, nn.RNNBase | nn.RNNCellBase):
            yield from child.parameters(recurse=False)
