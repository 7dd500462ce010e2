"""A define-by-run tracer: follows tensors through a module's own forward().

Leaf modules are seen by hooks, what happens between them by a TorchFunctionMode. Nothing is
rewritten, so any Python control flow works; what the tracer does not understand it reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.tracer import layers
from neurodeploy.frontends.tracer.expressions import Apply, Expr, Port, Unknown, relative
from neurodeploy.frontends.tracer.functions import (
    LIKE,
    QUESTIONS,
    RANDOM,
    READS,
    READS_HINT,
    RULES,
    in_place,
    refusal_hint,
)
from neurodeploy.frontends.tracer.network_copy import named_tensors
from neurodeploy.frontends.tracer.neuron_layers import SPIKES, NeuronLayers, Problem
from neurodeploy.frontends.tracer.operations import Operation, Table
from neurodeploy.frontends.tracer.settings import Settings
from neurodeploy.frontends.tracer.sites import function_name, leaves, place
from neurodeploy.frontends.tracer.tensors import Tensors
from neurodeploy.frontends.tracer.values import (
    Call,
    FirstAxisTakenError,
    Followed,
    Refused,
    Value,
    unknown_like,
)


class OwnError(BaseException):
    """Something went wrong in the tracer itself, not in forward(), which must not catch it."""


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise OwnError from error


def _model(arg: Any) -> Any:
    """A tensor of the same shape and type that carries no signal."""
    return arg.detach() if isinstance(arg, Tensor) else arg


class Tracer(Tensors, TorchFunctionMode):
    """Records one run of `network`, whose neurons must be in their zero state.

    neuron_inputs: the expression of every input that a neuron layer got, step by step.
    problems: per neuron layer; findings: diagnostics without repetition.
    """

    def __init__(self, network: nn.Module, neurons: NeuronLayers, settings: Settings) -> None:
        super().__init__(named_tensors(network))
        self.neurons = neurons
        self.settings = settings
        self.neuron_inputs: dict[str, list[Expr]] = {}
        self.neuron_problems: dict[str, list[Problem]] = {}
        self.table = Table()
        self.state_uses: dict[str, tuple[str, str]] = {}
        self.findings: dict[tuple[str, str], Diagnostic] = {}
        self._depth = 0
        self._prior: dict[str, Mapping[str, Tensor | None]] = {}
        for path, module in leaves(network, neurons):
            self._watch(path or type(module).__name__.lower(), module)

    def report(self, diagnostic: Diagnostic) -> None:
        """Adds a finding; the same rule at the same place counts once."""
        self.findings.setdefault((diagnostic.where, diagnostic.rule), diagnostic)

    def _watch(self, path: str, module: nn.Module) -> None:
        self.table.modules[path] = module

        def before(_: nn.Module, args: Any, kwargs: Any) -> None:
            self._depth += 1
            with _ours():
                self.check_settings(path, module)
            if self.neurons.supports(module):
                with _ours():
                    self._prior[path] = self.neurons.states_before(module, args, kwargs)

        def after(_: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
            with _ours():
                self._leaf(path, module, args, kwargs, out)
            self._depth -= 1

        # the user's own hooks run outside of these two, where every function is seen
        module.register_forward_pre_hook(before, with_kwargs=True)
        module.register_forward_hook(after, with_kwargs=True, prepend=True)

    def check_settings(self, path: str, module: nn.Module) -> None:
        """Reports a layer whose parameters are not those of its first call."""
        if changed := self.settings.changed(path, module):
            detail = f"{changed} changes while forward() runs"
            hint = "keep parameters as they are: what a graph computes is the same at every step"
            self.report(Diagnostic(path, "settings", detail, hint))

    # ---- between leaf modules

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._depth:
            return func(*args, **kwargs)
        with _ours():
            name = function_name(func)
            if name in LIKE:
                args = (*args[:1], *(_model(arg) for arg in args[1:]))
            given = self._before_change(name, args)
            tracked = [t for t in tree_leaves((args, kwargs)) if self.lookup(t) is not None]
        out = func(*args, **kwargs)
        with _ours():
            self.changed(tracked)
            if tracked and name not in QUESTIONS:
                self._function(Call(name, func, given, kwargs, out), tracked)
            else:
                data = args[:1] if name in LIKE else (args, kwargs)
                inputs = () if name in QUESTIONS else tree_leaves(data)
                self.computed(inputs, tree_leaves(out), name in RANDOM)
        return out

    def _before_change(self, name: str, args: Any) -> Any:
        """The arguments with a copy of the constant that a function in place is about to change."""
        if not in_place(name) or self.known(args[0]) is None:
            return args
        copied = args[0].detach().clone()
        self.made(copied)
        return (copied, *args[1:])

    def _function(self, call: Call, tracked: list[Any]) -> None:
        if call.name in READS:
            detail = f"{call.name}() hands values of a signal to Python"
            self.report(Diagnostic(place(), "data-dependent", detail, READS_HINT))
            return
        result = self._by_rule(call)
        if not isinstance(result, Refused):
            for tensor, value in result:
                self.follow(tensor, value)
            return
        detail = f"{call.name}() {result.detail or 'has no exact form in NIR'}"
        self.report(Diagnostic(place(), call.name, detail, refusal_hint(call.name, result)))
        like = self.lookup(tracked[0])
        assert like is not None
        for tensor in tree_leaves(call.out if call.out is not None else call.args[0]):
            if isinstance(tensor, Tensor):
                self.follow(tensor, unknown_like(tensor, like))

    def _by_rule(self, call: Call) -> Followed | Refused:
        plain = in_place(call.name)
        rule = RULES.get(plain or call.name)
        if rule is None or call.kwargs.get("out") is not None:
            return Refused()
        if any(self.is_random(t) for t in tree_leaves((call.args, dict(call.kwargs)))):
            return Refused("takes random values", "add noise to the input, outside of the module")
        if plain and self.is_shared(call.out):
            return Refused("changes a tensor that others look into", "write a = a + b")
        return rule(self, call)

    def operation(self, stem: str, module: Operation, call: Call) -> str:
        module.function, module.where = call.name, call.where or place()
        return self.table.add(call.stem or stem, module)

    # ---- leaf modules

    def _leaf(self, path: str, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        given = [*args, *kwargs.values()]
        value = self.lookup(given[0]) if given else None
        if value is None and given and isinstance(given[0], Tensor):
            value = self._constant_input(path, module, given, out)
        if value is None:
            return
        call = Call(type(module).__name__.lower(), module.forward, args, kwargs, out, path, path)
        if self.neurons.supports(module):
            self._neuron(path, module, value, given[0], out)
        elif layers.is_identity(module):
            self.follow(out, value)
        elif layers.rearranges(module):
            self._function(call, [given[0]])
        else:
            for tensor in tree_leaves(out):
                if isinstance(tensor, Tensor):
                    self.follow(tensor, self._through(path, module, value, path, tensor))

    def _constant_input(
        self, path: str, module: nn.Module, given: list[Any], out: Any
    ) -> Value | None:
        """What a layer gets that is no signal. None if the result is a constant, too."""
        tensor = given[0]
        value = self.constant(tensor)
        inputs = tree_leaves(given)
        if value is not None or any(self.lookup(t) for t in inputs):
            return value or Value((Unknown(tuple(tensor.shape[1:])),), timed=False)
        if self.known(tensor) is not None and not self.neurons.owns(module):
            self.computed(inputs, tree_leaves(out), False)
            return None
        what = "a constant" if self.known(tensor) is not None else "a tensor whose way is not seen"
        detail = f"{type(module).__name__} gets {what} instead of a signal of the input"
        hint = "compiled functions can't be looked into; what never changes is a bias"
        self.report(Diagnostic(path, "constant-input", detail, hint))
        return Value((Unknown(tuple(tensor.shape[1:])),), timed=False)

    def layer(self, stem: str, module: nn.Module, value: Value, call: Call) -> Value:
        key = self.table.add(stem, module)
        return self._through(key, module, value, call.where or place(), call.out)

    def _through(self, key: str, module: nn.Module, value: Value, where: str, out: Tensor) -> Value:
        """The value behind a stateless layer, unknown if the layer has no exact form."""
        found = layers.check(module, where, value.steps[0].shape)
        if self.neurons.owns(module):
            found = [replace(d, hint=self.neurons.hint(module) or d.hint) for d in found]
        if value.timed and not isinstance(module, nn.Linear) and not found:
            detail = f"{type(module).__name__} gets all steps at once"
            found = [Diagnostic(where, "sequence", detail, "call it once per step")]
        for diagnostic in found:
            self.report(diagnostic)
        if found:
            return unknown_like(out, value)
        shape = tuple(out.shape[value.lead :])
        return value.map(
            lambda e: Unknown(shape) if isinstance(e, Unknown) else Apply((key,), e, shape)
        )

    # ---- neurons

    def _neuron(self, path: str, module: nn.Module, value: Value, x: Tensor, out: Any) -> None:
        together = self.neurons.takes_sequence(module)
        if together and not value.timed:
            raise FirstAxisTakenError
        shape = tuple(x.shape[value.lead :])
        history = self.neuron_inputs.setdefault(path, [])
        step = len(history)
        if path not in self.neuron_problems:
            self.neuron_problems[path] = self.neurons.problems(module, path, shape)
        if value.timed and not together:
            detail = "a neuron gets all steps at once"
            self.report(Diagnostic(path, "sequence", detail, "loop over the steps in forward()"))
        self._check_states(path, self._prior.pop(path), step)
        history += value.steps if value.timed == together else [Unknown(shape)]
        spikes = out[0] if isinstance(out, tuple) else out
        shape = tuple(spikes.shape[2 if together else 1 :])
        ports = tuple(Port(path, SPIKES, shape, at) for at in range(step, len(history)))
        self.follow(spikes, Value(ports, timed=together))
        for state, tensor in self.neurons.states_after(module, out).items():
            last = Port(path, state, shape, len(history) - 1)
            self.follow(tensor, Value((last,), timed=False))

    def _check_states(self, path: str, prior: Mapping[str, Tensor | None], step: int) -> None:
        for state, tensor in prior.items():
            if id(tensor) in self.placeholders:
                self.state_uses[self.placeholders[id(tensor)]] = (path, state)
                if step == 0:
                    continue
            value = self.lookup(tensor)
            came = relative(value.steps[0], step) if value and not value.timed else None
            if isinstance(came, Port) and (came.neuron, came.name, came.at) == (path, state, 1):
                continue
            rest = self.neurons.rest(self.table.modules[path], state)
            at_rest = tensor is None or (value is None and self.constant(tensor, rest) is not None)
            if step == 0 and at_rest:
                continue
            if at_rest:
                rule, detail = "state-reset", f"{state} is set back to zero at each step"
                hint = (
                    "reset it once, before the first step, or take and return it: forward(x, mem)"
                )
            else:
                rule, detail = "state-changed", f"{state} is not its own {state} of the step before"
                hint = "start from zero and pass the returned state on unchanged"
            self.report(Diagnostic(path, rule, detail, hint))
