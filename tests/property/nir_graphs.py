"""Random NIR graphs: all primitives, joins, feedback, several ports, graphs in graphs."""

from __future__ import annotations

from dataclasses import dataclass, field

import nir
import numpy as np
from hypothesis import strategies as st

DT = 1e-3
NEURONS = (nir.I, nir.IF, nir.LI, nir.LIF, nir.CubaLI, nir.CubaLIF)
ODD_NAMES = ("a.b", "für", "x y", "n#1", "0")


@dataclass
class Draft:
    """A graph while it grows; shapes are what each node sends and takes."""

    draw: st.DrawFn
    rng: np.random.Generator
    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    sends: dict[str, tuple[int, ...]] = field(default_factory=dict)
    takes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, node, sources, takes, sends) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes[name], self.sends[name], self.takes[name] = node, sends, takes
        self.edges += [(source, name) for source in sources]
        return name

    def real(self, low, high, shape):
        return self.rng.uniform(low, high, size=shape)

    def some_of(self, names):
        count = self.draw(st.integers(1, min(2, len(names))))
        return self.draw(st.permutations(names))[:count]


def neuron(draft: Draft, shape) -> nir.NIRNode:
    """Any neuron, with scalar or full parameters; v_leak and v_reset off zero in half of them."""
    draw, size = draft.draw, draft.draw(st.sampled_from([(), (1,), shape]))
    kind = draw(st.sampled_from((*NEURONS, nir.Threshold)))
    if kind is nir.Threshold:
        return nir.Threshold(draft.real(0.1, 1.5, size))
    keys = {"r": draft.real(0.5, 3.0, size)}
    if kind in (nir.I, nir.IF):
        keys["r"] = draft.real(0.1, 1.2, size) / DT
    elif kind in (nir.LI, nir.LIF):
        keys["tau"] = draft.real(1.0, 6.0, size) * DT
    else:
        keys |= {k: draft.real(1.0, 6.0, size) * DT for k in ("tau_syn", "tau_mem")}
        keys["w_in"] = draft.real(-1.0, 3.0, size)
    away = draw(st.booleans())
    if kind not in (nir.I, nir.IF):
        keys["v_leak"] = draft.real(-0.5, 0.5, size) * away
    if kind in (nir.IF, nir.LIF, nir.CubaLIF):
        keys["v_threshold"] = draft.real(0.2, 1.5, size)
        keys["v_reset"] = draft.real(-0.5, 0.1, size) * away
    return kind(**keys)


def matrix(draft: Draft, shape, rows: int) -> nir.NIRNode:
    weights = draft.real(-1.0, 1.4, (rows, shape[0]))
    if draft.draw(st.booleans()):
        return nir.Affine(weights, draft.real(-0.5, 0.5, rows))
    return nir.Linear(weights)


def window(draft: Draft, shape):
    """A convolution or pool that fits the shape, and what it sends."""
    draw, axes = draft.draw, len(shape) - 1
    kernel = tuple(draw(st.integers(1, min(3, n))) for n in shape[1:])
    stride = tuple(draw(st.integers(1, 2)) for _ in kernel)
    if axes == 2 and draw(st.booleans()):
        padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
        kind = draw(st.sampled_from([nir.SumPool2d, nir.AvgPool2d]))
        node = kind(*(np.array(each) for each in (kernel, stride, padding)))
        channels, dilation = shape[0], (1, 1)
    else:
        padding = tuple(draw(st.integers(0, 1)) for _ in kernel)
        dilation = tuple(
            draw(st.integers(1, 2)) if 2 * (k - 1) < n else 1
            for k, n in zip(kernel, shape[1:], strict=True)
        )
        groups = shape[0] if draw(st.booleans()) else 1
        channels = draw(st.integers(1, 2)) * groups
        weights = draft.real(-0.8, 1.0, (channels, shape[0] // groups, *kernel))
        kind = nir.Conv1d if axes == 1 else nir.Conv2d
        bias = draft.real(-0.3, 0.3, channels) * draw(st.booleans())
        node = kind(None, weights, stride, padding, dilation, groups, bias)
    geometry = zip(shape[1:], kernel, stride, padding, dilation, strict=True)
    sends = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in geometry]
    return node, (channels, *sends)


def grow(draft: Draft) -> None:
    """One more node behind one or two that send the same shape."""
    draw = draft.draw
    first = draw(st.sampled_from(list(draft.sends)))
    shape = draft.sends[first]
    alike = [n for n in draft.sends if draft.sends[n] == shape and n != first]
    sources = [first, *(draft.some_of(alike) if alike and draw(st.booleans()) else [])]
    kinds = ["neuron", "neuron", "neuron", "scale", "delay"]
    kinds += ["matrix", "matrix"] if len(shape) == 1 else ["window", "window", "flatten"]
    kind, sends = draw(st.sampled_from(kinds)), shape
    if kind == "neuron":
        node = neuron(draft, shape)
    elif kind == "scale":
        size = draw(st.sampled_from([(), shape, (shape[0], *[1] * (len(shape) - 1))]))
        node = nir.Scale(draft.real(-1.0, 1.5, size))
    elif kind == "delay":
        same = draw(st.booleans())
        steps = draft.rng.integers(0, 4, size=() if same else shape)
        node = nir.Delay(np.broadcast_to(steps, shape) * DT)
    elif kind == "matrix":
        node = matrix(draft, shape, draw(st.integers(1, 3)))
        sends = (len(node.weight),)
    elif kind == "flatten":
        whole = draw(st.booleans())
        start = 0 if whole else draw(st.integers(0, len(shape) - 1))
        end = len(shape) - 1 if whole else draw(st.integers(start, len(shape) - 1))
        joined = int(np.prod(shape[start : end + 1]))
        stated = {"input": np.array(shape)}
        node = nir.Flatten(stated, start, end if draw(st.booleans()) else end - len(shape))
        sends = (*shape[:start], joined, *shape[end + 1 :])
    else:
        node, sends = window(draft, shape)
    draft.add(node, sources, shape, sends)


def feed_back(draft: Draft) -> None:
    """An edge from any node to any other: directly, through a matrix, a Scale or a Delay."""
    draw = draft.draw
    source, target = (draw(st.sampled_from(list(draft.takes))) for _ in range(2))
    takes, sends = draft.takes[target], draft.sends[source]
    kind = draw(st.sampled_from(["direct", "scale", "delay"]))
    if takes != sends:
        if len(takes) != 1 or len(sends) != 1:
            return
        source = draft.add(matrix(draft, sends, takes[0]), [source], sends, takes)
    elif kind == "scale":
        source = draft.add(nir.Scale(draft.real(-1.0, 0.2, ())), [source], takes, takes)
    elif kind == "delay":
        steps = draw(st.integers(1, 3))
        source = draft.add(nir.Delay(np.full(takes, steps * DT)), [source], takes, takes)
    if (source, target) not in draft.edges:
        draft.edges.append((source, target))


def nest(draft: Draft, name: str, members: set[str]) -> None:
    """Moves the members into a graph of their own; edges that cross get a port each source."""
    inner_nodes = {n: draft.nodes.pop(n) for n in list(draft.nodes) if n in members}
    inner_edges, outer_edges = [], []
    ports: dict[tuple[str, str], str] = {}

    def port(kind, end, shape):
        if (kind, end) not in ports:
            ports[kind, end] = f"{kind}{sum(k == kind for k, _ in ports)}"
            make = nir.Input if kind == "in" else nir.Output
            inner_nodes[ports[kind, end]] = make({f"{kind}put": np.array(shape)})
        return ports[kind, end]

    def is_inside(end):
        return end in members or end.rpartition(".")[0] in members

    for a, b in draft.edges:
        if is_inside(a) and is_inside(b):
            inner_edges.append((a, b))
            continue
        if is_inside(b):
            first = ("in", a) not in ports
            at = port("in", a, draft.sends[a])
            inner_edges.append((at, b))
            outer_edges += [(a, f"{name}.{at}")] if first else []
        elif is_inside(a):
            first = ("out", a) not in ports
            at = port("out", a, draft.sends[a])
            inner_edges += [(a, at)] if first else []
            draft.sends[f"{name}.{at}"] = draft.sends[a]
            outer_edges.append((f"{name}.{at}", b))
        else:
            outer_edges.append((a, b))
    for kind in ("in", "out"):
        if sum(k == kind for k, _ in ports) == 1 and draft.draw(st.booleans()):
            full = f"{name}.{kind}0"
            draft.sends[name] = draft.sends.get(full, ())
            outer_edges = [tuple(name if e == full else e for e in edge) for edge in outer_edges]
    draft.nodes[name] = nir.NIRGraph(inner_nodes, inner_edges, type_check=False)
    draft.edges = outer_edges


@st.composite
def graphs(draw, *, images: bool, feedback: bool, nested: bool):
    """A graph, input `(T, B, *shape)` for each of its Inputs, and what a cycle without neurons is
    made of: "maps", "delays" that hold every element (and maps), or "" for no such cycle."""
    draft = Draft(draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    sizes = st.integers(2, 5)
    for _ in range(draw(st.integers(1, 2))):
        shape = (draw(st.integers(1, 3)),)
        if images:
            shape = (
                draw(st.integers(1, 2)),
                *draw(st.sampled_from([1, 2, 2, 0]).flatmap(lambda n: st.tuples(*[sizes] * n))),
            )
        draft.add(nir.Input({"input": np.array(shape)}), [], shape, shape)
    inputs = list(draft.nodes)
    for _ in range(draw(st.integers(1, 7))):
        grow(draft)
    draft.takes = {n: shape for n, shape in draft.takes.items() if n not in inputs}
    for _ in range(draw(st.integers(1, 3)) if feedback else 0):
        feed_back(draft)
    cycle = next((kind for kind in CYCLES if has_cycle_of(draft, CYCLES[kind])), "")
    for source in draft.some_of(list(draft.nodes)):
        shape = draft.sends[source]
        draft.add(nir.Output({"output": np.array(shape)}), [source], shape, shape)
    rename(
        draft, dict(zip(draft.draw(st.permutations(list(draft.nodes))), ODD_NAMES, strict=False))
    )
    inputs = [n for n, node in draft.nodes.items() if isinstance(node, nir.Input)]
    if nested:
        inner = [n for n, e in draft.nodes.items() if not isinstance(e, nir.Input | nir.Output)]
        members = set(draw(st.permutations(inner))[: draw(st.integers(1, len(inner)))])
        deeper = {n for n in sorted(members) if draw(st.booleans())}
        if deeper:
            nest(draft, "deep", deeper)
            members = members - deeper | {"deep"}
        nest(draft, "block", members)
    names, edges = list(draft.nodes), [*draft.edges]
    draft.rng.shuffle(names)
    draft.rng.shuffle(edges)
    graph = nir.NIRGraph(
        {n: draft.nodes[n] for n in names}, [tuple(e) for e in edges], type_check=False
    )
    x = {n: draft.rng.uniform(-0.5, 2.0, size=(10, 2, *draft.sends[n])) for n in inputs}
    return graph, x, cycle


def rename(draft: Draft, names: dict[str, str]) -> None:
    draft.nodes = {names.get(n, n): node for n, node in draft.nodes.items()}
    draft.sends = {names.get(n, n): shape for n, shape in draft.sends.items()}
    draft.edges = [(names.get(a, a), names.get(b, b)) for a, b in draft.edges]


def waits(node: nir.NIRNode) -> bool:
    return isinstance(node, nir.Delay) and bool(np.all(node.delay > 0))


def fires_or_integrates(node: nir.NIRNode) -> bool:
    return isinstance(node, (*NEURONS, nir.Threshold))


CYCLES = {
    "maps": lambda node: not fires_or_integrates(node) and not waits(node),
    "delays": lambda node: not fires_or_integrates(node),
}


def has_cycle_of(draft: Draft, kind) -> bool:
    left = {n for n, node in draft.nodes.items() if kind(node)}
    while True:
        free = {n for n in left if not any(b == n and a in left for a, b in draft.edges)}
        if not free:
            return bool(left)
        left -= free
