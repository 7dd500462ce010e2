"""Neuron models for the kernel: the loop over a population around each model's `fixed_step`.

How many states and constants a model has decides how many arrays the loop goes through. Compiled
code has no cheap way to say that, so the loops are written out as text from those numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurodeploy.ir.neurons import NEURON_MODELS, NeuronModel

Array = np.ndarray[Any, np.dtype[Any]]


def update_population(
    model: int, states: Array, total: Array, sent: Array, scalars: Array, each: Array
) -> tuple[int, int, int]:
    """One step of a population of len(total) neurons of model number `model`.

    Overwrites its states and `sent`. Returns the peak, the saturations, and non-zero if a value
    does not fit the words of states or sent. `population_updates` is what runs: this says how it is
    called.
    """
    raise NotImplementedError


def population_updates(compile: Callable[[Callable[..., Any]], Any]) -> Any:
    """`update_population` for all models in the registry, compiled by `compile`."""
    names: dict[str, Any] = {}
    lines = ["def update_population(model, states, total, sent, scalars, each):"]
    for number, model in enumerate(NEURON_MODELS.values()):
        step = compile(model.fixed_step)
        names[model.name] = compile(_written_out(loop_source(model), "loop", {"step": step}))
        lines += [
            f"    if model == {number}:",
            f"        return {model.name}(states, total, sent, scalars, each)",
        ]
    lines += ["    return 0, 0, 1"]
    return compile(_written_out("\n".join(lines), "update_population", names))


def loop_source(model: NeuronModel) -> str:
    """The loop over a population, with one array per state and per constant of each neuron."""
    least = {key: parameter.low for key, parameter in model.parameters.items()}
    constants = model.fixed_constants(least)
    states = [f"s{k}" for k in range(len(model.state))]
    each = [f"e{k}" for k in range(len(constants.each))]
    scalars = [f"p{k}" for k in range(len(constants.population))]
    before = _tuple(f"{s}[i]" for s in states)
    own = _tuple(f"{e}[i]" for e in each)
    return "\n".join(
        [
            "def loop(states, total, sent, scalars, each):",
            "    n = len(total)",
            *(f"    {s} = states[{k} * n : {k + 1} * n]" for k, s in enumerate(states)),
            *(f"    {e} = each[{k} * n : {k + 1} * n]" for k, e in enumerate(each)),
            *(f"    {p} = scalars[{k}]" for k, p in enumerate(scalars)),
            "    peak = saturations = lost = 0",
            "    for i in range(n):",
            f"        after, message, size, over = step({before}, total[i], {_tuple(scalars)}, "
            f"{own})",
            *(f"        {s}[i] = after[{k}]" for k, s in enumerate(states)),
            *(f"        lost |= {s}[i] ^ after[{k}]" for k, s in enumerate(states)),
            "        sent[i] = message",
            "        lost |= sent[i] ^ message",
            "        peak = max(peak, size)",
            "        saturations += over",
            "    return peak, saturations, lost",
        ]
    )


def _tuple(items: Any) -> str:
    return "(" + "".join(f"{item}, " for item in items) + ")"


def _written_out(source: str, name: str, names: dict[str, Any]) -> Any:
    """The function of that name in `source`, in which `names` stand for what they name."""
    scope = dict(names)
    exec(compile(source, f"<{name}>", "exec"), scope)
    return scope[name]
