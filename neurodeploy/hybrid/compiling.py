"""From a module to a hybrid program: cut, lowered, and its chip parts in integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.hardware import Hardware
from neurodeploy.hybrid.program import ChipPart, HostPart, HybridProgram, Part
from neurodeploy.ir.inputs import batched
from neurodeploy.ir.verify import verify_program
from neurodeploy.passes.quantize import LayerReport, Options
from neurodeploy.pipeline import compile, load

if TYPE_CHECKING:
    from neurodeploy.frontends.hybrid import ChipRegion, Cut, HostRegion
    from neurodeploy.frontends.tracer.signature import Shapes

Array = np.ndarray[Any, np.dtype[Any]]


def cut(module: Any, input_shape: Shapes, *, dt: float) -> HybridProgram:
    """The module in parts, those for the chip in real arithmetic.

    module: a torch.nn.Module of one step, `(B, *shape)` to `(B, ...)`, whose snnTorch neurons keep
    their states (init_hidden=True). input_shape: of one step without batch, by argument where there
    are several. Raises UnsupportedLayer for other modules, ConfigError for a wrong shape.
    """
    return _lowered(_cut(module, input_shape, dt), type(module).__name__, dt)


def compile_hybrid(
    module: Any,
    hardware: Hardware | str = "loihi2",
    *,
    calibration: Array | Mapping[str, Array],
    dt: float,
    options: Options | None = None,
) -> tuple[HybridProgram, dict[str, tuple[LayerReport, ...]]]:
    """The module in parts, those for the chip in its integers; and what rounding did in each.

    calibration: input `(T, B, *shape)`, by argument where there are several. The whole module runs
    on it in torch, and what crosses into a part sets the scales of its ports: 0 and 1 alone are
    spikes, everything else graded integers of `options.input_bits`. Raises what `cut` and `compile`
    raise, and DataError for calibration of a wrong form.
    """
    from neurodeploy.frontends.hybrid import run_module

    data = as_inputs(calibration)
    shapes = {name: x.shape[2:] for name, x in data.items()}
    found = _cut(module, shapes.get("", shapes), dt)
    data = named(found.inputs, data)
    hybrid = _lowered(found, type(module).__name__, dt)
    crossing = {v for p in hybrid.chip_parts for v in p.inputs}
    values = run_module(found.step, data, crossing)
    parts: list[Part] = []
    reports = {}
    for part in hybrid.parts:
        if isinstance(part, ChipPart):
            given = {v: values[v] for v in part.inputs}
            compiled = compile(part.program, hardware, calibration=given, options=options)
            reports[part.name] = compiled.layers
            part = replace(part, program=compiled.program)
        parts.append(part)
    return replace(hybrid, parts=tuple(parts)), reports


def as_inputs(x: Array | Mapping[str, Array]) -> dict[str, Array]:
    """Arrays by argument; a lone one by "". DataError unless all are numbers in `(T, ...)`."""
    found = {str(k): np.asarray(v) for k, v in x.items()} if isinstance(x, Mapping) else {"": x}
    problems = [
        Diagnostic(f"input {name}".strip(), "shape", f"{v.dtype} {v.shape}, expected (T, B, ...)")
        for name, v in found.items()
        if v.ndim < 2 or 0 in v.shape[:2] or v.dtype.kind not in "biuf"
    ]
    if problems:
        raise DataError(problems)
    return found


def named(shapes: Mapping[str, tuple[int, ...]], x: Mapping[str, Array]) -> dict[str, Array]:
    """Inputs by their names, each `(T, B, *shape)`; DataError for others than `shapes` has."""
    given = dict(x)
    if set(given) == {""} and len(shapes) == 1:
        given = dict.fromkeys(shapes, given[""])
    if set(given) != set(shapes):
        detail = f"missing or unknown: {', '.join(sorted(set(given) ^ set(shapes)))}"
        raise DataError(Diagnostic("input", "ports", detail))
    found = {name: batched(given[name], shape) for name, shape in shapes.items()}
    problems = [
        Diagnostic(f"input {name}", "shape", f"{found[name].shape}, expected (T, B, *{shape})")
        for name, shape in shapes.items()
        if found[name].shape[2:] != shape
    ]
    if len({v.shape[:2] for v in found.values()}) > 1:
        problems.append(Diagnostic("input", "steps", "inputs differ in (T, B)"))
    if problems:
        raise DataError(problems)
    return found


def _cut(module: Any, input_shape: Shapes, dt: float) -> Cut:
    from neurodeploy.frontends import hybrid as frontend

    def lower(graph: Any, dt: float) -> None:
        verify_program(load(graph, dt))

    return frontend.cut(module, input_shape, dt=dt, lower=lower)


def _lowered(found: Cut, name: str, dt: float) -> HybridProgram:
    from neurodeploy.frontends.hybrid import fingerprint

    parts = tuple(_part(region, dt) for region in found.regions)
    return HybridProgram(name, dt, found.inputs, parts, found.outputs, fingerprint(found.step))


def _part(region: ChipRegion | HostRegion, dt: float) -> Part:
    from neurodeploy.frontends.hybrid import HostRegion

    if isinstance(region, HostRegion):
        return HostPart(
            region.name, region.module, region.inputs, region.outputs, region.nodes, region.reasons
        )
    program = replace(load(region.graph, dt), name=region.name)
    sent = dict(zip(region.outputs, program.outputs, strict=True))
    return ChipPart(region.name, program, region.inputs, sent, region.nodes)
