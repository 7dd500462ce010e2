"""NIR graphs evaluated on demand, from the documented equations alone: nothing of ours is used.

`value(node, t)` asks the sources for what they sent, step by step; convolutions and pools are
torch's. Nested graphs are never flattened: a port passes on to whoever its edges name.
"""

from __future__ import annotations

import nir
import numpy as np
import torch

SPIKING = (nir.IF, nir.LIF, nir.CubaLIF, nir.Threshold)
NEURONS = (*SPIKING, nir.I, nir.LI, nir.CubaLI)
Path = tuple[str, ...]


class Oracle:
    """x: per Input `(T, B, *shape)`. `sent[name]` and `state[name/v]` are filled by `run`."""

    def __init__(self, graph: nir.NIRGraph, x: dict[str, np.ndarray], dt: float, exact: bool):
        self.graph, self.x, self.dt, self.exact = graph, x, dt, exact
        self.steps = len(next(iter(x.values())))
        self.nodes: dict[Path, nir.NIRNode] = {}
        self._collect(graph, ())
        self.targets = {p: tuple(self._targets(p)) for p in self.nodes}
        self.sources: dict[Path, list[Path]] = {p: [] for p in self.nodes}
        for source, targets in self.targets.items():
            for target in targets:
                self.sources[target].append(source)
        self.silence: dict[Path, np.ndarray] = {}
        self.late = self._closing_edges()
        self.memo: dict[tuple[Path, int], np.ndarray] = {}
        self.v: dict[Path, np.ndarray] = {}
        self.u: dict[Path, np.ndarray] = {}

    def run(self):
        sent = {".".join(p): [] for p in self.nodes}
        state: dict[str, list[np.ndarray]] = {}
        for t in range(self.steps):
            for path in self.nodes:
                sent[".".join(path)].append(self.value(path, t))
            for key, values in (("v", self.v), ("u", self.u)):
                for path, value in values.items():
                    state.setdefault(f"{'.'.join(path)}/{key}", []).append(value)
        return (
            {name: np.stack(values) for name, values in sent.items()},
            {name: np.stack(values) for name, values in state.items()},
        )

    # --- structure

    def _level(self, path: Path) -> nir.NIRGraph:
        graph = self.graph
        for name in path:
            graph = graph.nodes[name]
        return graph

    def _collect(self, graph: nir.NIRGraph, path: Path) -> None:
        for name, node in graph.nodes.items():
            if isinstance(node, nir.NIRGraph):
                self._collect(node, (*path, name))
            elif not (path and isinstance(node, nir.Input | nir.Output)):
                self.nodes[(*path, name)] = node

    def _targets(self, path: Path):
        """Whom a node's edges reach, in file order; through ports in their order."""
        level, name = path[:-1], path[-1]
        for a, b in self._level(level).edges:
            if a == name:
                yield from self._through(level, b)

    def _through(self, level: Path, name: str):
        graph = self._level(level)
        node = graph.nodes.get(name)
        if node is None:  # "nested.port"
            outer = next(
                n for n in graph.nodes if name.startswith(f"{n}.") and self._nested(level, n)
            )
            yield from self._targets((*level, outer, name[len(outer) + 1 :]))
        elif isinstance(node, nir.NIRGraph):
            (port,) = (n for n, each in node.nodes.items() if isinstance(each, nir.Input))
            yield from self._targets((*level, name, port))
        elif level and isinstance(node, nir.Output):
            above, inner = level[:-1], level[-1]
            for a, b in self._level(above).edges:
                if a in (inner, f"{inner}.{name}"):
                    yield from self._through(above, b)
        else:
            yield (*level, name)

    def _nested(self, level: Path, name: str) -> bool:
        return isinstance(self._level(level).nodes[name], nir.NIRGraph)

    def _waits(self, path: Path) -> bool:
        node = self.nodes[path]
        return isinstance(node, nir.Delay) and bool(np.all(node.delay > 0))

    def _closing_edges(self) -> set[tuple[Path, Path]]:
        late, open_, done = set(), set(), set()
        waiting = [p for p, node in self.nodes.items() if isinstance(node, nir.Input)]

        for path in waiting:
            self.silence[path] = np.zeros_like(self.x[path[-1]][0])

        def visit(path):
            open_.add(path)
            for target in self.targets[path]:
                if target not in self.silence:
                    self.silence[target] = self._silence_behind(target, self.silence[path])
                if self._waits(target):
                    waiting.append(target)
                elif target in open_:
                    late.add((path, target))
                elif target not in done:
                    visit(target)
            open_.discard(path)
            done.add(path)

        for path in waiting:
            if path not in done:
                visit(path)
        return late

    def _silence_behind(self, path: Path, zeros: np.ndarray) -> np.ndarray:
        """Zeros of the shape that a node sends."""
        node = self.nodes[path]
        same = isinstance(node, (*NEURONS, nir.Delay))
        return zeros if same else np.zeros_like(mapped(node, zeros))

    # --- values

    def value(self, path: Path, t: int) -> np.ndarray:
        """What a node sends at t, asked for in rising t; t = -1 is before the first step."""
        if (path, t) not in self.memo:
            self.memo[path, t] = self._value(path, t)
        return self.memo[path, t]

    def _arriving(self, path: Path, t: int) -> np.ndarray:
        def when(source):
            return max(t - ((source, path) in self.late), -1)

        return sum(self.value(source, when(source)) for source in self.sources[path])

    def _value(self, path: Path, t: int) -> np.ndarray:
        node = self.nodes[path]
        if isinstance(node, nir.Input):
            x = self.x[path[-1]]
            return x[t] if t >= 0 else self.silence[path]
        if isinstance(node, nir.Delay):
            return self._delayed(path, node, t)
        if isinstance(node, NEURONS):
            return self._neuron(path, node, t) if t >= 0 else self.silence[path]
        return mapped(node, self._arriving(path, t))

    def _delayed(self, path: Path, node: nir.Delay, t: int) -> np.ndarray:
        sent = self.silence[path]
        steps = np.rint(node.delay / self.dt).astype(int)
        for k in np.unique(steps):
            if t >= k or k == 0:
                sent = np.where(steps == k, self._arriving(path, t - k), sent)
        return sent

    def _neuron(self, path: Path, node: nir.NIRNode, t: int) -> np.ndarray:
        x = self._arriving(path, t)
        if isinstance(node, nir.Threshold):
            return (x > node.threshold).astype(float)

        def relax(y, towards, tau):
            part = 1 - np.exp(-self.dt / tau) if self.exact else self.dt / tau
            return y + part * (towards - y)

        v = self.v.get(path, np.zeros_like(x))
        if isinstance(node, nir.CubaLI | nir.CubaLIF):
            x = self.u[path] = relax(
                self.u.get(path, np.zeros_like(x)), node.w_in * x, node.tau_syn
            )
        if isinstance(node, nir.I | nir.IF):
            v = v + self.dt * node.r * x
        else:
            tau = node.tau if hasattr(node, "tau") else node.tau_mem
            v = relax(v, node.v_leak + node.r * x, tau)
        if not isinstance(node, SPIKING):
            self.v[path] = v
            return v
        spikes = v > node.v_threshold
        self.v[path] = np.where(spikes, node.v_reset, v)
        return spikes.astype(float)


def mapped(node: nir.NIRNode, x: np.ndarray) -> np.ndarray:
    """What a node without memory makes of x `(B, *shape)`."""
    if isinstance(node, nir.Output):
        return x
    if isinstance(node, nir.Linear):
        return np.einsum("oi,bi->bo", node.weight, x)
    if isinstance(node, nir.Affine):
        return np.einsum("oi,bi->bo", node.weight, x) + node.bias
    if isinstance(node, nir.Scale):
        return node.scale * x
    tensor = torch.from_numpy(np.ascontiguousarray(x))
    if isinstance(node, nir.Flatten):
        # torch counts the batch axis
        start, end = (d + 1 if d >= 0 else d for d in (node.start_dim, node.end_dim))
        return torch.flatten(tensor, start, end).numpy()
    if isinstance(node, nir.SumPool2d | nir.AvgPool2d):
        sizes = [tuple(int(n) for n in a) for a in (node.kernel_size, node.stride, node.padding)]
        divisor = 1 if isinstance(node, nir.SumPool2d) else None
        pool = torch.nn.functional.avg_pool2d
        return pool(tensor, *sizes, divisor_override=divisor).numpy()
    weights = (torch.from_numpy(node.weight), torch.from_numpy(node.bias))
    function = {nir.Conv1d: torch.nn.functional.conv1d, nir.Conv2d: torch.nn.functional.conv2d}
    options = (node.stride, node.padding, node.dilation, node.groups)
    return function[type(node)](tensor, *weights, *options).numpy()
