"""A module of one step as a graph of its layers and functions, with the shape of every value."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, fx, nn

from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer
from neurodeploy.frontends.choice import frontend_of
from neurodeploy.frontends.snntorch.neuron_layers import SNNTORCH
from neurodeploy.frontends.tracer.network_copy import copy_for_run, precision_of, unwrapped
from neurodeploy.frontends.tracer.signature import Shapes
from neurodeploy.frontends.tracer.sites import is_leaf

Shape = tuple[int, ...]
BATCH: Final = 3  # of the run that shows the shapes: a size that few layers have


@dataclass(frozen=True)
class Step:
    """`network` computes one step, its neurons keep their states and are at rest; `shapes`: of the
    nodes that have a tensor, without batch; `neurons`: the nodes that call a neuron layer."""

    network: fx.GraphModule
    inputs: tuple[fx.Node, ...]
    outputs: tuple[fx.Node, ...]
    shapes: Mapping[str, Shape]
    neurons: frozenset[str]

    @property
    def computed(self) -> tuple[fx.Node, ...]:
        """Nodes that compute a tensor or a tuple of them, in order."""
        return tuple(
            n
            for n in self.network.graph.nodes
            if n.op.startswith("call") and (n.name in self.shapes or n.name in self.neurons)
        )

    def sources(self, node: fx.Node) -> tuple[fx.Node, ...]:
        """The nodes with tensors that `node` is computed from; sizes are read off tensors."""
        found: dict[fx.Node, None] = {}
        for each in node.all_input_nodes:
            if self.is_inline(each):
                found.update(dict.fromkeys(self.sources(each)))
            else:
                found[each] = None
        return tuple(found)

    def is_inline(self, node: fx.Node) -> bool:
        """Whether every part has its own: parameters, and numbers such as sizes."""
        known = node.name in self.shapes or node.name in self.neurons
        return node.op == "get_attr" or (node.op != "placeholder" and not known)


def trace_step(module: nn.Module, input_shape: Shapes) -> Step:
    """Raises UnsupportedLayer for what is no plain step, with the reason."""
    module = unwrapped(module)
    if frontend_of(module) != "snntorch":
        detail = "a hybrid network keeps its states in snnTorch's neurons (init_hidden=True)"
        raise UnsupportedLayer(Diagnostic(type(module).__name__, "framework", detail))
    network = _traced(copy_for_run(module, SNNTORCH))
    inputs = tuple(n for n in network.graph.nodes if n.op == "placeholder")
    shapes = _input_shapes(inputs, input_shape)
    neurons = [n for n in network.graph.nodes if _is_neuron(network, n)]
    _require_own_states(network, neurons)
    values = run_once(network, [torch.randn(BATCH, *s) for s in shapes], inputs)
    known = {k: tuple(v.shape[1:]) for k, v in values.items() if _has_batch(v)}
    return Step(network, inputs, _outputs(network), known, frozenset(n.name for n in neurons))


def run_once(
    network: fx.GraphModule, data: Sequence[Tensor], inputs: Sequence[fx.Node]
) -> dict[str, Any]:
    """The value of every node for one step `(B, *shape)` per input; ConfigError if it fails."""
    dtype = precision_of(network)
    recorder = Recorder(network)
    try:
        with torch.no_grad():
            recorder.run(*(x.to(dtype) for x in data))
    except Exception as error:  # the user's own code may raise anything
        shapes = ", ".join(f"{n.name} {tuple(x.shape)}" for n, x in zip(inputs, data, strict=True))
        detail = f"forward() of {shapes} raised {type(error).__name__}: {error}"
        hint = "give the shape of one step, without batch and time"
        raise ConfigError(
            Diagnostic("forward()", "forward", detail.splitlines()[0], hint)
        ) from error
    return recorder.values


class Recorder(fx.Interpreter):
    """Keeps the value of every node."""

    def __init__(self, network: fx.GraphModule) -> None:
        super().__init__(network)
        self.values: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        self.values[n.name] = value = super().run_node(n)
        return value


class _Tracer(fx.Tracer):
    """Looks into the user's modules; one without neurons that it cannot follow is one node."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_leaf(m, SNNTORCH)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            return super().call_module(m, forward, args, kwargs)
        except Exception:  # the user's own code may raise anything; without neurons it is a node
            if any(SNNTORCH.owns(child) for child in m.modules()):
                raise
            return self.create_proxy("call_module", self.path_of_module(m), args, kwargs)


def _traced(module: nn.Module) -> fx.GraphModule:
    try:
        graph = _Tracer().trace(module)
    except Exception as error:  # the user's own code may raise anything
        detail = f"forward() is no plain step: {type(error).__name__}: {error}".splitlines()[0]
        hint = "take one step, without loops or branches on values; time is the caller's"
        raise UnsupportedLayer(
            Diagnostic(type(module).__name__, "hybrid-step", detail, hint)
        ) from error
    network = fx.GraphModule(module, graph)
    network.graph.eliminate_dead_code()
    network.recompile()
    return network


def _input_shapes(inputs: tuple[fx.Node, ...], given: Shapes) -> list[Shape]:
    names = [n.name for n in inputs]
    if isinstance(given, Mapping):
        by_name: dict[str, Any] = dict(given)
    else:
        each = given if given and isinstance(given[0], Sequence) else [given]
        by_name = {names[i] if i < len(names) else f"#{i + 1}": s for i, s in enumerate(each)}
    if sorted(by_name) != sorted(names):
        detail = f"forward() takes {', '.join(names)}, shapes are given for {', '.join(by_name)}"
        hint = "neurons keep their own states (init_hidden=True); give every other argument a shape"
        raise ConfigError(Diagnostic("input_shape", "arguments", detail, hint))
    return [tuple(int(n) for n in by_name[name]) for name in names]


def _is_neuron(network: fx.GraphModule, node: fx.Node) -> bool:
    return node.op == "call_module" and SNNTORCH.owns(network.get_submodule(str(node.target)))


def _require_own_states(network: fx.GraphModule, neurons: Iterable[fx.Node]) -> None:
    problems = [
        Diagnostic(str(n.target), "state", "gets its state from forward()", "use init_hidden=True")
        for n in neurons
        if len(n.args) + len(n.kwargs) > 1
        or not getattr(network.get_submodule(str(n.target)), "init_hidden", False)
    ]
    if problems:
        raise UnsupportedLayer(problems)


def _has_batch(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0 and value.shape[0] == BATCH


def _outputs(network: fx.GraphModule) -> tuple[fx.Node, ...]:
    (end,) = (n for n in network.graph.nodes if n.op == "output")
    found = end.args[0] if isinstance(end.args[0], tuple | list) else (end.args[0],)
    if not all(isinstance(n, fx.Node) for n in found):
        detail = "returns something other than tensors"
        raise UnsupportedLayer(Diagnostic("forward()", "outputs", detail, "return one or a tuple"))
    return tuple(n for n in found if isinstance(n, fx.Node))


def reads_tuple(node: fx.Node) -> bool:
    """Whether the node takes an item out of what another returned."""
    return node.op == "call_function" and node.target is operator.getitem
