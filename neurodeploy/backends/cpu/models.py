"""Neuron models for the kernel: the loop over a population around each model's `fixed_step`.

How many states and constants a model has decides how many arrays the loop goes through. Compiled
code has no cheap way to say that, so the loops are written out as text from those numbers.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from neurodeploy.ir.neurons import NEURON_MODELS, Constants, NeuronModel

Array = np.ndarray[Any, np.dtype[Any]]
Compile = Callable[[Callable[..., Any]], Any]
INT32_PEAK_BITS = 28
USUAL = (("cuba_lif", True), ("soft_lif", True), ("integrator", True))


def update_population(
    model: int, states: Array, total: Array, sent: Array, scalars: Array, each: Array
) -> tuple[int, int, int]:
    """One step of a population of len(total) neurons of model number `model`.

    Overwrites its states and `sent`. Returns the peak, the saturations, and non-zero if a value
    does not fit the words of states or sent. `population_updates` is what runs: this says how it is
    called.
    """
    raise NotImplementedError


def is_usual(numbers: Iterable[int]) -> bool:
    """Whether a Program of these loops is one of the many that take a kernel of few loops."""
    usual = {number for key, number in model_numbers().items() if key in USUAL}
    return usual.issuperset(numbers)


def population_updates(compile: Compile, narrow: bool, usual: bool) -> Any:
    """`update_population` for all models in the registry, compiled by `compile`.

    usual: only for those loops that most Programs need: the others take longer to compile.
    narrow: for int32 words. Models whose integers then fit 32 bits calculate in 32 bits: twice as
    many neurons per vector instruction.
    """
    names: dict[str, Any] = {}
    lines = ["def update_population(model, states, total, sent, scalars, each):"]
    for (name, uniform), number in model_numbers().items():
        if usual and (name, uniform) not in USUAL:
            continue
        model = NEURON_MODELS[name]
        loop = f"{name}_{number}"
        names[loop] = _population_loop(model, uniform, compile, narrow and model.int32_input > 0)
        lines += [
            f"    if model == {number}:",
            f"        return {loop}(states, total, sent, scalars, each)",
        ]
    lines += ["    return 0, 0, 1"]
    return compile(_written_out("\n".join(lines), "update_population", names))


@functools.cache
def model_numbers() -> dict[tuple[str, bool], int]:
    """Numbers of the loops: one per model for parameters that are the same for all neurons (True),
    one more where they may differ."""
    keys = [
        (name, uniform)
        for name, model in NEURON_MODELS.items()
        for uniform in (True, False)
        if uniform or not _widest(model).uniform
    ]
    return {key: number for number, key in enumerate(keys)}


def _widest(model: NeuronModel) -> Constants:
    """Constants of one neuron with an array for all that may be one."""
    least = {
        key: np.array([parameter.low]) if parameter.per_neuron else parameter.low
        for key, parameter in model.parameters.items()
    }
    return model.fixed_constants(least)


def _population_loop(model: NeuronModel, uniform: bool, compile: Compile, narrow: bool) -> Any:
    word = np.int32 if narrow else np.int64
    step = in_int32(model.fixed_step) if narrow else model.fixed_step
    names = {"step": compile(step), "word": word, "integer": np.int64}
    return compile(_written_out(loop_source(model, uniform, narrow), "loop", names))


def loop_source(model: NeuronModel, uniform: bool, narrow: bool) -> str:
    """The loop over a population, with one array per state and per constant of each neuron.

    uniform: the population's constants are scalars, else they come first among the arrays of each
    neuron. A value is lost if it is not what was stored or, in 32 bits, if the next step could
    overflow, which it cannot while the peak is small.
    """
    constants = _widest(model)
    states = [f"s{k}" for k in range(len(model.state))]
    common = [f"p{k}" for k in range(len(constants.population))]
    each = [f"e{k}" for k in range(len(constants.each))]
    scalars, arrays = (common, each) if uniform else ([], common + each)
    before = _tuple(f"{s}[i]" for s in states)
    of_all = _tuple(common if uniform else (f"{p}[i]" for p in common))
    own = _tuple(f"{e}[i]" for e in each)
    stored = [(f"{s}[i]", f"after[{k}]") for k, s in enumerate(states)] + [("sent[i]", "message")]
    compared = [] if narrow else [f"{old} ^ {new}" for old, new in stored]
    lost = f"peak >> {INT32_PEAK_BITS}" if narrow else "lost"
    return "\n".join(
        [
            "def loop(states, total, sent, scalars, each):",
            "    n = len(total)",
            *(f"    {s} = states[{k} * n : {k + 1} * n]" for k, s in enumerate(states)),
            *(f"    {e} = each[{k} * n : {k + 1} * n]" for k, e in enumerate(arrays)),
            *(f"    {p} = word(scalars[{k}])" for k, p in enumerate(scalars)),
            "    peak = saturations = lost = word(0)",
            "    for i in range(n):",
            f"        after, message, size, over = step({before}, total[i], {of_all}, {own})",
            *(f"        {old} = {new}" for old, new in stored),
            *(f"        lost = word(lost | {difference})" for difference in compared),
            "        peak = max(peak, size)",
            "        saturations = word(saturations + over)",
            f"    return integer(peak), integer(saturations), integer({lost})",
        ]
    )


def _tuple(items: Iterable[str]) -> str:
    return "(" + "".join(f"{item}, " for item in items) + ")"


def _written_out(source: str, name: str, names: dict[str, Any]) -> Any:
    """The function of that name in `source`, in which `names` stand for what they name."""
    scope = dict(names)
    exec(compile(source, f"<{name}>", "exec"), scope)
    return scope[name]


class _Narrowed(ast.NodeTransformer):
    """Every result of an operator as `word`: numba makes int64 of two int32 otherwise."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return ast.Call(ast.Name("word", ast.Load()), [node], [])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = []
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
        self.generic_visit(node)
        return node


def in_int32(function: Callable[..., Any]) -> Any:
    """The plain function, and those that it calls, with int32 results of all operators."""
    tree = _Narrowed().visit(ast.parse(textwrap.dedent(inspect.getsource(function))))
    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        if isinstance(scope.get(name), types.FunctionType):
            scope[name] = in_int32(scope[name])
    scope["word"] = np.int32
    exec(compile(ast.fix_missing_locations(tree), f"<{function.__name__}>", "exec"), scope)
    return scope[function.__name__]
