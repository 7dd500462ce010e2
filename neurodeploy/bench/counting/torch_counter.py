"""Counts the operations of a PyTorch module while it runs, at the level of dispatched operators.

Subclasses, functional calls, attention, recurrent cells and transposed convolutions are all seen,
since all of them end in the same few operators. Hooks say which module an operator belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.jit import ScriptModule
from torch.utils._python_dispatch import TorchDispatchMode

from neurodeploy.bench.counting.convention import DEFAULT, Convention
from neurodeploy.bench.counting.neuron_arithmetic import NeuronArithmetic, neuron_arithmetic
from neurodeploy.bench.counting.operators import Handler, Operators
from neurodeploy.bench.counting.record import TORCH, CountRecord
from neurodeploy.bench.counting.whole_layers import is_plain_sequence, takes, whole_axes
from neurodeploy.errors import Diagnostic, UnsupportedLayer

Neurons = Mapping[type, NeuronArithmetic]


def count_ops(
    module: nn.Module,
    *inputs: Any,
    samples: int = 1,
    steps: int = 1,
    convention: Convention = DEFAULT,
    strict: bool = False,
    neurons: Neurons | None = None,
) -> CountRecord:
    """Runs `module(*inputs)` once, in evaluation mode and without gradients, and counts.

    samples: independent inputs in the call (the batch); steps: time steps or forward passes per
    sample that the call makes. Counts are totals over all of them. On the meta device shapes are
    counted, and nothing that depends on values. neurons: costs of neuron classes of your own;
    strict: raises UnsupportedLayer if an operator is not counted.
    """
    counter = OperationCounter(module, convention=convention, neurons=neurons)
    modes = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        with torch.no_grad(), counter:
            module(*inputs)
    finally:
        for child, training in modes:
            child.training = training
    return counter.record(samples=samples, steps=steps, strict=strict)


class OperationCounter:
    """`with OperationCounter(module) as counter:` counts every call of `module` in the block.

    The block decides on evaluation mode and gradients; `record` may be asked for at any time.
    Raises UnsupportedLayer for modules of TorchScript.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        convention: Convention = DEFAULT,
        neurons: Neurons | None = None,
    ) -> None:
        scripted = [path for path, m in module.named_modules() if isinstance(m, ScriptModule)]
        if scripted:
            hint = "count the module that it was made of"
            raise UnsupportedLayer(
                Diagnostic(path or "(root)", "scripted", "TorchScript takes no hooks", hint)
                for path in scripted
            )
        self.module = module
        self.convention = convention
        self._neurons = neurons
        self._operators = Operators(module, convention)
        self._mode = _Mode(self._operators)
        self._open = ExitStack()

    def __enter__(self) -> OperationCounter:
        self._open.enter_context(_unfused())
        self._open.enter_context(_Modules(self._mode, self.module, self._neurons).hooked())
        self._open.enter_context(self._mode)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.close()

    def record(self, *, samples: int, steps: int = 1, strict: bool = False) -> CountRecord:
        """What was counted so far; UnsupportedLayer if `strict` and an operator was not."""
        uncounted = dict(sorted(self._operators.uncounted.items()))
        if strict and uncounted:
            hint = "count without strict to have them listed"
            raise UnsupportedLayer(
                Diagnostic(name, "uncounted", f"{calls} calls are in no count", hint)
                for name, calls in uncounted.items()
            )
        return CountRecord(
            convention=self.convention,
            samples=samples,
            steps=steps,
            boundary=TORCH,
            layers=tuple(self._operators.rows.finished(self.module)),
            exact_values=not self._operators.shapes_only,
            uncounted=uncounted,
        )


class _Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Hands every dispatched operator to `operators`, after it ran."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch would wrap each call, to keep its compiler out of code that is never compiled."""
        return False

    def __init__(self, operators: Operators) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self.operators = operators
        self._handlers: dict[Any, Handler | None] = {}
        self._made_of_others: set[Any] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in self._handlers:
            self._handlers[func] = self.operators.handler(func)
            if not self.operators.knows(func) and _is_made_of_others(func):
                self._made_of_others.add(func)
        if func in self._made_of_others:
            with self:
                return func.decompose(*args, **kwargs)
        out = func(*args, **kwargs)
        handler = self._handlers[func]
        if handler is not None:
            handler(args, kwargs, out)
        return out


def _is_made_of_others(func: Any) -> bool:
    """Whether torch defines an operator by others, and passes it whole in inference_mode alone."""
    key = "CompositeImplicitAutograd"
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key))


class _Modules:
    """Hooks that tell the operators which module runs.

    The mode is left where operators need not be looked at: in a neuron of known cost, whose
    equation is counted, in a layer that is counted whole, and in a plain sequence, which computes
    nothing itself. A layer inside any of them is counted as ever; of all else inside a neuron, its
    equation.
    """

    def __init__(self, mode: _Mode, module: nn.Module, neurons: Neurons | None) -> None:
        self._mode = mode
        self._module = module
        self._neurons = neurons
        self._on = [True]

    @contextmanager
    def hooked(self) -> Iterator[None]:
        with ExitStack() as hooks:
            for path, child in self._module.named_modules():
                neuron = neuron_arithmetic(child, self._neurons)
                axes = None if neuron is not None else whole_axes(child)
                looks = not is_plain_sequence(child) if neuron is None else neuron.inner
                enter = self._enter(path, looks, axes, neuron is not None)
                first = child.register_forward_pre_hook(enter)
                leave = self._leave(neuron, axes is not None)
                last = child.register_forward_hook(leave, always_call=True)
                hooks.callback(first.remove)
                hooks.callback(last.remove)
            yield

    def _enter(
        self, path: str, looks: bool, axes: int | None, products_only: bool
    ) -> Callable[..., None]:
        running, states = self._mode.operators.running, self._on

        def enter(module: nn.Module, args: Any) -> None:
            running.append((path, products_only or running[-1][1]))
            on = looks and (axes is None or not takes(axes, args))
            if on != states[-1]:
                self._turn(on)
            states.append(on)

        return enter

    def _leave(self, neuron: NeuronArithmetic | None, whole: bool) -> Callable[..., None]:
        operators, states = self._mode.operators, self._on

        def leave(module: Any, args: Any, out: Any) -> None:
            on = states.pop()
            if neuron is not None and out is not None:
                if on:
                    self._turn(False)
                    on = False
                operators.neuron(neuron, out)
            elif whole and not on and out is not None:
                operators.layer(module, args[0], out)
            operators.running.pop()
            if on != states[-1]:
                self._turn(states[-1])

        return leave

    def _turn(self, on: bool) -> None:
        if on:
            self._mode.__enter__()  # type: ignore[no-untyped-call]
        else:
            self._mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]


@contextmanager
def _unfused() -> Iterator[None]:
    """Keeps torch from running a whole transformer layer as one operator."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
