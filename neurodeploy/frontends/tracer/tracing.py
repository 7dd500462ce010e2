"""A define-by-run tracer: follows tensors through a module's own forward().

Leaf modules are seen by hooks, what happens between them by a TorchFunctionMode. Nothing is
rewritten, so any Python control flow works; what the tracer does not understand it reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.tracer import layers
from neurodeploy.frontends.tracer.expressions import Apply, Expr, Port, Unknown, Zero, relative
from neurodeploy.frontends.tracer.network_copy import tensors_on
from neurodeploy.frontends.tracer.neuron_layers import SPIKES, NeuronLayers, Problem
from neurodeploy.frontends.tracer.sites import function_name, leaves, place
from neurodeploy.frontends.tracer.values import (
    FLATTEN,
    FUNCTION_HINTS,
    QUESTIONS,
    RULES,
    FirstAxisTakenError,
    Refused,
    Value,
    reshaped,
    unknown_like,
)


class Tracer(TorchFunctionMode):
    """Records one run of `network`, whose neurons must be in their zero state.

    neuron_inputs: the expression of every input that a neuron layer got, step by step.
    problems: per neuron layer; findings: diagnostics without repetition.
    """

    def __init__(self, network: nn.Module, neurons: NeuronLayers) -> None:
        super().__init__()
        self.neurons = neurons
        self.neuron_inputs: dict[str, list[Expr]] = {}
        self.neuron_problems: dict[str, list[Problem]] = {}
        self.modules: dict[str, nn.Module] = {FLATTEN: nn.Flatten()}
        self.placeholders: dict[int, str] = {}
        self.state_uses: dict[str, tuple[str, str]] = {}
        self.findings: dict[tuple[str, str], Diagnostic] = {}
        self._values: dict[int, tuple[Tensor, Value]] = {}
        self._plain: dict[int, Tensor] = {}
        self._depth = 0
        self._prior: dict[str, Mapping[str, Tensor | None]] = {}
        for tensor in (*network.parameters(), *tensors_on(network)):
            self._plain[id(tensor)] = tensor
        for path, module in leaves(network, neurons):
            self._watch(path or type(module).__name__.lower(), module)

    def follow(self, tensor: Tensor, value: Value) -> None:
        """From now on this tensor object has this value; it is kept alive, as ids are reused."""
        self._values[id(tensor)] = (tensor, value)

    def lookup(self, tensor: Any) -> Value | None:
        """The value of a followed tensor, else None."""
        found = self._values.get(id(tensor))
        return found[1] if found else None

    def constant(self, tensor: Any, rest: Tensor | float = 0.0) -> Value | None:
        """A constant of zeros (or at `rest`) as a value of one step; None for any other tensor.

        Only tensors whose making was seen, or that were on the module, are known to be constants:
        what comes out of a compiled function may depend on the input and be zero by chance.
        """
        known = id(tensor) in self._plain or id(tensor) in self.placeholders
        if not known or bool((tensor != rest).any()):
            return None
        return Value((Zero(tuple(tensor.shape[1:])),), timed=False)

    def report(self, diagnostic: Diagnostic) -> None:
        """Adds a finding; the same rule at the same place counts once."""
        self.findings.setdefault((diagnostic.where, diagnostic.rule), diagnostic)

    def _watch(self, path: str, module: nn.Module) -> None:
        self.modules[path] = module

        def before(_: nn.Module, args: Any, kwargs: Any) -> None:
            self._depth += 1
            if self.neurons.supports(module):
                self._prior[path] = self.neurons.states_before(module, args, kwargs)

        def after(_: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
            self._leaf(path, module, args, kwargs, out)
            self._depth -= 1

        # the user's own hooks run outside of these two, where every function is seen
        module.register_forward_pre_hook(before, with_kwargs=True)
        module.register_forward_hook(after, with_kwargs=True, prepend=True)

    # ---- between leaf modules

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if self._depth == 0:
            tracked = [t for t in tree_leaves((args, kwargs)) if self.lookup(t) is not None]
            name = function_name(func)
            if tracked and name not in QUESTIONS:
                self._function(name, args, kwargs, out, tracked)
            else:
                made = (t for t in tree_leaves(out) if isinstance(t, Tensor))
                self._plain.update({id(t): t for t in made})
        return out

    def _function(self, name: str, args: Any, kwargs: Any, out: Any, tracked: list[Any]) -> None:
        rule = RULES.get(name)
        result = rule(self, args, kwargs, out) if rule else Refused("", "")
        if not isinstance(result, Refused):
            for tensor, value in result:
                self.follow(tensor, value)
            return
        hint = result.hint or FUNCTION_HINTS.get(name.removesuffix("_"), "")
        hint = FUNCTION_HINTS.get(name, hint)
        detail = f"{name}() {result.detail or 'has no exact form in NIR'}"
        self.report(Diagnostic(place(), name, detail, hint))
        like = self._values[id(tracked[0])][1]
        for tensor in tree_leaves(out if out is not None else args[0]):
            if isinstance(tensor, Tensor):
                self.follow(tensor, unknown_like(tensor, like))

    # ---- leaf modules

    def _leaf(self, path: str, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        given = [*args, *kwargs.values()]
        value = self.lookup(given[0]) if given else None
        if value is None and given and isinstance(given[0], Tensor):
            value = self._constant_input(path, module, given[0], tree_leaves(given))
        if value is None:
            return
        if self.neurons.supports(module):
            self._neuron(path, module, value, given[0], out)
        elif layers.is_identity(module):
            self.follow(out, value)
        else:
            self._layer(path, module, value, given[0], out)

    def _constant_input(
        self, path: str, module: nn.Module, tensor: Tensor, given: Iterable[Any]
    ) -> Value | None:
        value = self.constant(tensor)
        if value is None and not any(self.lookup(t) for t in given):
            detail = f"{type(module).__name__} gets a tensor whose way from the input is not seen"
            hint = "constants have no form in NIR, nor have compiled functions"
            self.report(Diagnostic(path, "constant-input", detail, hint))
        return value or Value((Unknown(tuple(tensor.shape[1:])),), timed=False)

    def _layer(self, path: str, module: nn.Module, value: Value, x: Tensor, out: Any) -> None:
        in_shape = tuple(x.shape[value.lead :])
        if layers.is_batch_norm(module):
            done = self._batch_norm(path, module, value)
        else:
            found = layers.check(module, path, in_shape)
            if self.neurons.owns(module):
                found = [replace(d, hint=self.neurons.hint(module) or d.hint) for d in found]
            if value.timed and not isinstance(module, nn.Linear | nn.Flatten) and not found:
                detail = f"{type(module).__name__} gets all steps at once"
                found = [Diagnostic(path, "sequence", detail, "call it once per step")]
            for diagnostic in found:
                self.report(diagnostic)
            done = None if found else self._applied(path, module, value, x, out)
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                self.follow(tensor, done or unknown_like(tensor, value))

    def _applied(
        self, path: str, module: nn.Module, value: Value, x: Tensor, out: Tensor
    ) -> Value | None:
        if isinstance(module, nn.Flatten):
            result = reshaped(value, tuple(x.shape), tuple(out.shape), path)
            if isinstance(result, Refused):
                self.report(Diagnostic(path, "flatten", f"Flatten {result.detail}", result.hint))
                return None
            return result
        shape = tuple(out.shape[value.lead :])
        return value.map(lambda e: Apply((path,), e, shape))

    def _batch_norm(self, path: str, module: nn.Module, value: Value) -> Value | None:
        def foldable(expr: Expr) -> bool:
            if not isinstance(expr, Apply):
                return isinstance(expr, Unknown)
            rule = layers.rule_for(self.modules[expr.layers[0]])
            return rule is not None and rule.takes_batch_norm

        ready = all(foldable(e) for e in value.steps) and not value.timed
        found = layers.check_batch_norm(module, path, ready)
        for diagnostic in found:
            self.report(diagnostic)
        if found:
            return None

        def fold(expr: Expr) -> Expr:
            if isinstance(expr, Apply):
                return Apply((*expr.layers, path), expr.arg, expr.shape)
            return expr

        return value.map(fold)

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
            rest = self.neurons.rest(self.modules[path], state)
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
