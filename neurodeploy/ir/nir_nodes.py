"""A NIR file's tree to nir's nodes, by our own rules: nir's constructors judge nothing here.

What nir's versions did not write is filled in: w_in = 1 (missing up to 0.2.0), v_reset = 0 (up to
1.0.5, see `NO_RESET`), a convolution's bias = 0. Its input_shape, a Flatten's input_type and an
Output's shape (missing up to 0.0.6) are left open, to be inferred. Parameters of one neuron node
are brought to one shape. `early_nir` has the layout before 0.0.6. All problems are raised at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import nir
import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.early_nir import early_layout, is_early
from neurodeploy.ir.hdf5 import Group
from neurodeploy.ir.node_fields import NodeFields, described

Array = np.ndarray[Any, np.dtype[Any]]

# What a node must have, and what it may have with the value of a file that has it not.
NEURONS: Mapping[str, tuple[tuple[str, ...], Mapping[str, float]]] = {
    "I": (("r",), {}),
    "IF": (("r", "v_threshold"), {"v_reset": 0.0}),
    "LI": (("tau", "r", "v_leak"), {}),
    "LIF": (("tau", "r", "v_leak", "v_threshold"), {"v_reset": 0.0}),
    "CubaLI": (("tau_syn", "tau_mem", "r", "v_leak"), {"w_in": 1.0}),
    "CubaLIF": (
        ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"),
        {"v_reset": 0.0, "w_in": 1.0},
    ),
}
ARRAYS: Mapping[str, tuple[str, ...]] = {
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Scale": ("scale",),
    "Threshold": ("threshold",),
    "Delay": ("delay",),
}
# The docstrings of nir 0.0.1 to 1.0.5 say v - v_threshold; 1.0.6 brought v_reset, 0 where it lacks.
NO_RESET = (
    "no v_reset in the file: read as a reset to 0, as nir >= 1.0.6 does; nir <= 1.0.5, which wrote "
    "such files, defined a reset by subtraction"
)
CONVOLUTIONS = {"Conv1d": 1, "Conv2d": 2}
POOLS = ("AvgPool2d", "SumPool2d")
TYPES = (*NEURONS, *ARRAYS, *CONVOLUTIONS, *POOLS, "Flatten", "Input", "Output", "NIRGraph")


def graph_from_tree(tree: Group, where: str) -> tuple[nir.NIRGraph, tuple[str, ...]]:
    """The graph of a `.nir` that was read by `read_tree`, and notes on what was filled in.

    where: names the file. Nested graphs stay nested. Raises DataError with every missing, unknown
    or mistyped field, node type and name.
    """
    root = early_layout(tree) if is_early(tree) else tree.get("node")
    if not isinstance(root, Group):
        raise DataError(Diagnostic(where, "nir-file", *_foreign(tree)))
    kind = root.get("type")
    if not isinstance(kind, str) or kind != "NIRGraph":
        detail = f"holds {kind if isinstance(kind, str) else described(kind)}, expected a NIRGraph"
        raise DataError(Diagnostic(where, "nir-file", detail))
    found = Found()
    graph = _graph(root, "", found)
    if found.problems or graph is None:
        raise DataError(found.problems)
    return graph, found.notes


@dataclass
class Found:
    """What was met while reading: problems, and the neurons that have no v_reset."""

    problems: list[Diagnostic] = field(default_factory=list)
    without_reset: list[str] = field(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        names = ", ".join(self.without_reset)
        return (f"{names}: {NO_RESET}",) if names else ()


def _foreign(tree: Group) -> tuple[str, str]:
    """What a file without a NIR graph seems to be, and what to do with it."""
    if tree.attrs.get("__type__") == "NIRGraphData":
        return "holds recorded data (NIRData), no graph", "give it as --input"
    if "layer" in tree:
        return "is lava-dl's netx, no NIR", "name it .net"
    if "program" in tree.attrs:
        return "is a compiled Program, no NIR", "name it .ndp"
    return "not a readable NIR file: it has no group 'node'", ""


def _graph(group: Group, path: str, found: Found) -> nir.NIRGraph | None:
    fields = NodeFields(path or "graph", group, "NIRGraph")
    fields.refuse_others(("nodes", "edges", "version", "name"))
    children = group.get("nodes")
    if not isinstance(children, Group):
        fields.problem("nodes", "missing", f"is {described(children)}, expected a group of nodes")
        children = Group()
    edges = _edges(fields)
    metadata = fields.metadata()
    found.problems += fields.problems
    nodes: dict[str, Any] = {}
    for name, child in children.items():
        node = _node(f"{path}.{name}" if path else name, child, found)
        if node is not None:
            nodes[name] = node
    if found.problems:
        return None
    return nir.NIRGraph(nodes, edges, metadata=metadata, type_check=False)


def _edges(fields: NodeFields) -> list[tuple[str, str]]:
    """Pairs of names. Graphs of the time before names number their nodes."""
    value = fields.group.get("edges")
    if value is None:
        fields.problem("edges", "missing", "the graph has no edges")
        return []
    if isinstance(value, np.ndarray) and value.size == 0:
        return []
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "Oiu":
        fields.problem("edges", "type", f"is {described(value)}, expected pairs of names")
        return []
    if value.ndim != 2 or value.shape[1] != 2:
        fields.problem("edges", "shape", f"has shape {value.shape}, expected (edges, 2)")
        return []
    return [(str(a), str(b)) for a, b in value.tolist()]


def _node(path: str, group: Any, found: Found) -> nir.NIRNode | None:
    if not isinstance(group, Group):
        detail = f"is {described(group)}, no node"
        found.problems.append(Diagnostic(f"node {path}", "type", detail))
        return None
    kind = group.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        found.problems.append(_unknown_type(path, group, kind))
        return None
    if kind == "NIRGraph":
        return _graph(group, path, found)
    fields = NodeFields(path, group, kind)
    node = _built(fields)
    found.problems += fields.problems
    if "v_reset" not in group and "v_reset" in NEURONS.get(kind, ((), {}))[1]:
        found.without_reset.append(path)
    return node


def _unknown_type(path: str, group: Group, kind: Any) -> Diagnostic:
    inner = [k for k, v in group.items() if isinstance(v, Group) and "type" in v]
    if kind is None and inner:
        detail = f"has no type, but holds {inner[0]!r}: HDF5 splits names at '/'"
        hint = "rename the node without '/' and write the file again"
        return Diagnostic(f"node {path}", "name", detail, hint)
    where = f"node {path}.type"
    if kind is None:
        return Diagnostic(where, "missing", "the node has no type")
    if not isinstance(kind, str):
        return Diagnostic(where, "type", f"is {described(kind)}, expected the name of a type")
    lower = {name.lower(): name for name in TYPES}
    close = get_close_matches(kind.lower(), lower, n=1)
    hint = f"did you mean {lower[close[0]]}?" if close else f"known: {', '.join(TYPES)}"
    return Diagnostic(where, "primitive", f"{kind!r} is no node type of NIR", hint)


def _built(fields: NodeFields) -> nir.NIRNode | None:
    kind = fields.kind
    if kind in NEURONS:
        given = _neuron(fields)
    elif kind in ARRAYS:
        given = _arrays(fields)
    elif kind in CONVOLUTIONS:
        given = _convolution(fields)
    elif kind in POOLS:
        given = _pool(fields)
    elif kind == "Flatten":
        given = _flatten(fields)
    else:
        given = _port(fields)
    metadata = fields.metadata()
    if fields.problems:
        return None
    try:
        with np.errstate(all="ignore"):
            node: nir.NIRNode = getattr(nir, kind)(**given, metadata=metadata)
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as e:
        fields.problem("", "value", f"nir takes no such {kind}: {e or type(e).__name__}")
        return None
    return node


def _neuron(fields: NodeFields) -> dict[str, Any]:
    required, optional = NEURONS[fields.kind]
    fields.refuse_others((*required, *optional))
    found = {key: fields.numbers(key) for key in required}
    found |= {key: fields.numbers(key, optional=True) for key in optional if key in fields.group}
    arrays = {key: value for key, value in found.items() if value is not None}
    if fields.problems:
        return {}
    try:
        shape = np.broadcast_shapes(*(a.shape for a in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{key} {a.shape}" for key, a in arrays.items())
        fields.problem("", "shape", f"its parameters have shapes that do not fit: {shapes}")
        return {}
    for key, value in optional.items():
        arrays.setdefault(key, np.full(shape, value))
    return {
        k: a if a.shape == shape else np.broadcast_to(a, shape).copy() for k, a in arrays.items()
    }


def _arrays(fields: NodeFields) -> dict[str, Any]:
    keys = ARRAYS[fields.kind]
    fields.refuse_others(keys)
    given = {key: fields.numbers(key) for key in keys}
    weight = given.get("weight")
    if weight is not None and weight.ndim < 2:
        fields.problem("weight", "shape", f"has shape {weight.shape}, expected (out, in)")
    return given


def _convolution(fields: NodeFields) -> dict[str, Any]:
    axes = CONVOLUTIONS[fields.kind]
    keys = ("input_shape", "weight", "stride", "padding", "dilation", "groups", "bias")
    fields.refuse_others(keys)
    weight, bias = fields.numbers("weight"), fields.numbers("bias", optional=True)
    if weight is not None and (weight.ndim != axes + 2 or 0 in weight.shape):
        sides = ", ".join("kernel" for _ in range(axes))
        detail = f"has shape {weight.shape}, expected (out, in / groups, {sides})"
        fields.problem("weight", "shape", detail)
    elif weight is not None and bias is None and fields.group.get("bias") is None:
        bias = np.zeros(weight.shape[0])
    given: dict[str, Any] = {
        "input_shape": fields.per_axis("input_shape", axes, 1, optional=True),
        "stride": fields.per_axis("stride", axes, 1),
        "padding": _padding(fields, axes),
        "dilation": fields.per_axis("dilation", axes, 1),
    }
    if axes == 1:  # nir wants numbers here
        given = {k: v[0] if isinstance(v, tuple) else v for k, v in given.items()}
    return {**given, "weight": weight, "bias": bias, "groups": fields.one("groups", 1)}


def _padding(fields: NodeFields, axes: int) -> tuple[int, ...] | str | None:
    value = fields.group.get("padding")
    if not isinstance(value, str):
        return fields.per_axis("padding", axes, 0)
    if value not in ("same", "valid"):
        fields.problem("padding", "value", f"is {value!r}, expected 'same', 'valid' or integers")
    return value


def _pool(fields: NodeFields) -> dict[str, Any]:
    fields.refuse_others(("kernel_size", "stride", "padding"))
    least = {"kernel_size": 1, "stride": 1, "padding": 0}
    return {key: np.array(fields.per_axis(key, 2, n)) for key, n in least.items()}


def _flatten(fields: NodeFields) -> dict[str, Any]:
    fields.refuse_others(("input_type", "start_dim", "end_dim"))
    shape = _stated_shape(fields, "input_type", "input")
    start, end = fields.one("start_dim", -32, 1), fields.one("end_dim", -32, -1)
    return {"input_type": {"input": shape}, "start_dim": start, "end_dim": end}


def _port(fields: NodeFields) -> dict[str, Any]:
    fields.refuse_others(("shape",))
    side = fields.kind.lower()
    shape = _stated_shape(fields, "shape" if "shape" in fields.group else f"{side}_type", side)
    if shape is None and side == "input" and not fields.problems:
        fields.problem("shape", "missing", "the Input states no shape")
    return {f"{side}_type": {side: shape}}


def _stated_shape(fields: NodeFields, key: str, side: str) -> Array | None:
    """A shape, in the field itself or, as early files have it, in a group under it."""
    value = fields.group.get(key)
    if isinstance(value, Group):
        fields = NodeFields(f"{fields.name}.{key}", value, fields.kind, fields.problems)
        key = side
    found = fields.whole(key, None, 1, optional=True)
    return None if found is None else np.array(found, dtype=np.int64)
