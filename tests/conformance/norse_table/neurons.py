"""Norse's neuron classes that NIR can say, with each of their options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import norse.torch as norse
import torch
from torch import nn, tensor

from tests.conformance.norse_table.combination import Combination, N

SPREAD = torch.linspace(0.5, 1.5, N)
FIRING = {
    "default": {},
    "v_th per neuron": {"v_th": SPREAD},
    "v_reset = -0.1": {"v_reset": tensor(-0.1)},
    "v_reset per neuron": {"v_reset": SPREAD - 1.0},
}
LEAKING = {
    "tau_mem_inv per neuron": {"tau_mem_inv": SPREAD * 100.0},
    "tau_mem_inv = 1 / dt": {"tau_mem_inv": tensor(1000.0)},
    "v_leak = 0.2": {"v_leak": tensor(0.2)},
    "a learned tau_mem_inv": {"tau_mem_inv": nn.Parameter(tensor(80.0))},
    "tau_mem_inv above 1 / dt": {"tau_mem_inv": tensor(1500.0)},
    "tau_mem_inv = 0": {"tau_mem_inv": tensor(0.0)},
}
BIOLOGICAL = {"v_leak": tensor(-65.0), "v_th": tensor(-50.0), "v_reset": tensor(-70.0)}
CURRENT = {
    "tau_syn_inv per neuron": {"tau_syn_inv": SPREAD * 200.0},
    "tau_syn_inv = 0": {"tau_syn_inv": tensor(0.0)},
    "tau_syn_inv = 1 / dt": {"tau_syn_inv": tensor(1000.0)},
    "tau_syn_inv above 1 / dt": {"tau_syn_inv": tensor(2000.0)},
}
LEAK_PER_NEURON = {"v_leak per neuron": {"v_leak": SPREAD - 1.0}}
METHODS = ("heaviside", "triangle", "tanh", "circ", "heavi_erfc")


def to_zero(z: Any, v: Any, reset: Any, th: Any) -> Any:
    return (1 - z) * v


SUBTRACT = {
    "reset_subtract": {"reset_method": norse.reset_subtract},
    "reset_subtract, all per neuron": {
        "reset_method": norse.reset_subtract,
        "v_th": SPREAD,
        "v_leak": SPREAD - 1.0,
        "tau_mem_inv": SPREAD * 100.0,
    },
    "another reset_method": {"reset_method": to_zero},
}


def _iaf() -> Iterator[Combination]:
    for kind in (norse.IAFCell, norse.IAF):
        name = kind.__name__
        for option, p in FIRING.items():
            yield Combination(name, option, lambda k=kind, p=p: k(norse.IAFParameters(**p)))
        yield Combination(name, "another dt, which it ignores", lambda k=kind: k(dt=0.1))


def _lif_box() -> Iterator[Combination]:
    def cell(**p: Any) -> nn.Module:
        return norse.LIFBoxCell(norse.LIFBoxParameters(**p))

    options = {**FIRING, **LEAKING, **LEAK_PER_NEURON, **SUBTRACT}
    options |= {f"method = {m!r}": {"method": m} for m in METHODS}
    for option, p in options.items():
        yield Combination("LIFBoxCell", option, lambda p=p: cell(**p), gain=8.0)
    yield Combination("LIFBoxCell", "-65, -50 and -70 mV", lambda: cell(**BIOLOGICAL), gain=120.0)
    yield Combination("LIFBoxCell", "another dt", lambda: norse.LIFBoxCell(dt=1e-4))


def _lif() -> Iterator[Combination]:
    for kind in (norse.LIFCell, norse.LIF):
        name = kind.__name__
        for option, p in {**FIRING, **LEAKING, **CURRENT, **LEAK_PER_NEURON}.items():
            yield Combination(name, option, lambda k=kind, p=p: k(norse.LIFParameters(**p)))
        yield Combination(
            name,
            "-65, -50 and -70 mV",
            lambda k=kind: k(norse.LIFParameters(**BIOLOGICAL)),
            gain=30.0,
        )
        for method in (*METHODS[: None if kind is norse.LIFCell else 1], "adjoint"):
            p = {"method": method}
            option = f"method = {method!r}"
            yield Combination(name, option, lambda k=kind, p=p: k(norse.LIFParameters(**p)))
        yield Combination(name, "another dt", lambda k=kind: k(dt=1e-4))
    yield Combination("LIF", "record_states = True", lambda: norse.LIF(record_states=True))


def _recurrent() -> Iterator[Combination]:
    for kind in (norse.LIFRecurrentCell, norse.LIFRecurrent):
        name = kind.__name__

        def layer(k: Any = kind, **options: Any) -> nn.Module:
            p = norse.LIFParameters(**options.pop("p", {}))
            return k(N, 5, p, **options)

        yield Combination(name, "default, autapses off", layer)
        yield Combination(name, "autapses = True", lambda f=layer: f(autapses=True))
        yield Combination(name, "weights given", lambda f=layer: f(**_weights()))
        for option in ("v_leak = 0.2", "v_reset = -0.1", "tau_syn_inv = 0"):
            p = {**FIRING, **LEAKING, **CURRENT}[option]
            gain = 0.2 if "syn" in option else 2.0
            yield Combination(name, option, lambda f=layer, p=p: f(p=p), gain=gain)
        yield Combination(name, "input (2, 6)", layer, shape=(2, N))


def _weights() -> dict[str, Any]:
    return {
        "input_weights": torch.randn(5, N),
        "recurrent_weights": torch.randn(5, 5),
        "autapses": True,
    }


def _integrators() -> Iterator[Combination]:
    leaks = {k: LEAKING[k] for k in list(LEAKING)[:4]}
    box = {"default": {}, **leaks, **LEAK_PER_NEURON}
    for option, p in box.items():
        yield Combination(
            "LIBoxCell", option, lambda p=p: norse.LIBoxCell(norse.LIBoxParameters(**p))
        )
    for kind in (norse.LICell, norse.LI):
        name = kind.__name__
        for option, p in {**box, **CURRENT}.items():
            yield Combination(name, option, lambda k=kind, p=p: k(norse.LIParameters(**p)))
        yield Combination(name, "another dt", lambda k=kind: k(dt=1e-4))
    yield Combination("LILinearCell", "default", lambda: norse.LILinearCell(N, 4))
    yield Combination(
        "LILinearCell",
        "v_leak = 0.2",
        lambda: norse.LILinearCell(N, 4, norse.LIParameters(v_leak=tensor(0.2))),
    )


def neurons() -> Iterator[Combination]:
    yield from _iaf()
    yield from _lif_box()
    yield from _lif()
    yield from _recurrent()
    yield from _integrators()
