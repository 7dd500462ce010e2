"""Counts the operations of a PyTorch module while it runs, at the level of dispatched operators.

Subclasses, functional calls, attention products and recurrent cells are all seen, since all of them
end in the same few operators. Integers are exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from neurodeploy.bench.op_counts import CONVENTION, LayerOps, OpCounts
from neurodeploy.bench.torch_fanout import Fanout, contraction_ops, convolution_ops

_MOVES_DATA = """
    _to_copy _unsafe_view alias arange as_strided cat clone constant_pad_nd contiguous
    copy_ detach detach_ diagonal empty empty_like expand fill_ flatten full full_like gather index
    index_select lift_fresh lift_fresh_copy narrow new_empty new_ones new_zeros ones ones_like pad
    permute repeat reshape scalar_tensor select slice split split_with_sizes squeeze stack t to
    transpose unbind unfold unsafe_split unsqueeze view zero_ zeros zeros_like _local_scalar_dense
    select_scatter slice_scatter set_ is_same_size equal _reshape_alias
"""
_FREE = frozenset(_MOVES_DATA.split())
_RECTIFIERS = frozenset({"relu", "relu_", "clamp_min", "clamp_min_", "threshold"})


def count_ops(module: nn.Module, *inputs: Any, samples: int = 1, passes: int = 1) -> OpCounts:
    """Runs `module(*inputs)` once, in evaluation mode and without gradients, and counts.

    samples: independent inputs in the call (the batch); passes: forward passes per sample that the
    call makes, for a module that loops over time steps inside. Totals are over all of them.
    """
    counter = _Counter(module)
    modes = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        with torch.no_grad(), counter.paths(module), counter:
            module(*inputs)
    finally:
        for child, training in modes:
            child.training = training
    return OpCounts(
        convention=CONVENTION,
        samples=samples,
        passes=passes,
        layers=tuple(counter.layers()),
        activations=counter.activations,
        uncounted=dict(sorted(counter.uncounted.items())),
    )


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Sees every dispatched operator; knows by hooks which module is running."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self._weights = {p.untyped_storage().data_ptr() for p in module.parameters()}
        self._stack: list[str] = [""]
        self._totals: dict[tuple[str, str], list[int]] = {}
        self._fanout = Fanout()
        self.activations = 0
        self.uncounted: Counter[str] = Counter()

    @contextmanager
    def paths(self, module: nn.Module) -> Iterator[None]:
        """Keeps the path of the running module on a stack."""

        def enter(path: str) -> Any:
            return lambda *_: self._stack.append(path)

        def leave(*_: Any) -> None:
            self._stack.pop()

        with ExitStack() as hooks:
            for path, child in module.named_modules():
                first = child.register_forward_pre_hook(enter(path))
                last = child.register_forward_hook(leave, always_call=True)
                hooks.callback(first.remove)
                hooks.callback(last.remove)
            yield

    def layers(self) -> Iterator[LayerOps]:
        for (module, op), totals in self._totals.items():
            yield LayerOps(module, op, *totals)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name == "convolution":
            self._convolution(args, out)
        elif name in ("mm", "bmm", "mv", "dot"):
            self._contraction(name, args[0], args[1], 0, out)
        elif name in ("addmm", "baddbmm", "addmv"):
            self._contraction(name, args[1], args[2], out.numel(), out)
        elif name in _RECTIFIERS:
            self.activations += out.numel()
        elif name not in _FREE:
            self.uncounted[f"aten.{name}"] += 1
        return out

    def _convolution(self, args: Sequence[Any], out: Tensor) -> None:
        x, weight, bias = args[0], args[1], args[2]
        dense, macs, acs = convolution_ops(x, weight, out, args[3:9], self._fanout)
        bias_adds = out.numel() if bias is not None else 0
        self._add("convolution", dense, macs, acs, bias_adds, out.numel())

    def _contraction(self, name: str, a: Tensor, b: Tensor, bias_adds: int, out: Tensor) -> None:
        a_is_weight, b_is_weight = self._is_weight(a), self._is_weight(b)
        dense, macs, acs = contraction_ops(a, b, a_is_weight, b_is_weight)
        self._add(name, dense, macs, acs, bias_adds, out.numel())

    def _is_weight(self, x: Tensor) -> bool:
        return x.untyped_storage().data_ptr() in self._weights

    def _add(self, op: str, *counts: int) -> None:
        totals = self._totals.setdefault((self._stack[-1], op), [0] * 6)
        for index, count in enumerate((1, *counts)):
            totals[index] += count
