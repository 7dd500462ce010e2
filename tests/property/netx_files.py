"""Random netx files as lava-dl and slayer of all years could have written them."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Rng = np.random.Generator


class RandomFile:
    """One file, layer by layer. `kind`: "cuba" or "sdnn", the neurons that it has."""

    def __init__(self, rng: Rng, file: h5py.File, kind: str) -> None:
        self.rng, self.kind = rng, kind
        self.groups = file.create_group("layer")
        self.shape: tuple[int, ...] = ()
        self.image = False

    def chance(self, p: float = 0.5) -> bool:
        return bool(self.rng.random() < p)

    def group(self, kind: str) -> h5py.Group:
        group = self.groups.create_group(str(len(self.groups)))
        text = kind.encode("ascii")
        group["type"] = text if self.chance(0.2) else np.array([text], dtype="S10")
        return group

    def weights(self, shape: tuple[int, ...], *, conv: bool = False) -> Array:
        """Mostly even and of both signs, as slayer has them; narrow, odd or of one sign as well."""
        style = self.rng.choice(
            ["slayer", "slayer", "narrow", "excitatory", "inhibitory", "coarse"]
        )
        wide = 40 if conv else 120
        values = self.rng.integers(-wide, wide, shape) * 2
        if style == "narrow":
            values = self.rng.integers(-3, 4, shape)
        elif style == "excitatory":
            values = self.rng.integers(0, 200, shape)
        elif style == "inhibitory":
            values = -self.rng.integers(0, 20 if self.chance() else 256, shape)
        elif style == "coarse":
            values = self.rng.integers(-3, 4, shape) * 32
        values.flat[0] = values.flat[0] or 2
        return values.astype(np.float32 if self.chance(0.8) else np.int64)

    def input_layer(self, shape: tuple[int, ...], neurons: bool) -> None:
        self.shape, self.image = shape, len(shape) == 3
        lost = not neurons and not self.image and self.chance(0.3)
        if lost and self.chance():
            return
        group = self.group("input")
        if not lost:
            group["shape"] = np.array(shape)
        if neurons:
            self.neuron(group, threshold=int(self.rng.choice([0, 3, 25])))
            if self.chance():
                group["weight"] = np.array([float(self.rng.integers(1, 90))], dtype=np.float32)
            if self.chance() and self.kind == "cuba":
                group["bias"] = np.array([float(self.rng.integers(-60, 60))], dtype=np.float32)

    def neuron(self, group: h5py.Group, threshold: int | None = None, last: bool = False) -> None:
        rng = self.rng
        neuron = group.create_group("neuron")
        if self.kind == "sdnn":
            neuron["type"] = b"SDNN"
            neuron["vThMant"] = int(rng.choice([0, 1, 13, 60]) if threshold is None else threshold)
            if self.chance():
                neuron["activation"] = b"relu"
            if last and self.chance():
                neuron["sigma_output"] = True
            return
        neuron["type"] = b"CUBA" if self.chance() else b"LOIHI"
        neuron["iDecay"] = int(rng.choice([0, 1, 1024, 4096, 4096]))
        neuron["vDecay"] = int(rng.choice([0, 128, 1024, 4096]))
        vth = int(rng.choice([0, 20, 400, 2000]) if threshold is None else threshold)
        neuron["vThMant"] = (1 << 18) - 1 if last and self.chance(0.3) else vth
        if self.chance():
            neuron["refDelay"] = 1
            neuron["gradedSpike"] = False
        else:
            for key, value in (("scaleRho", 1.0), ("tauRho", 0.5), ("theta", 64), ("wgtExp", 0)):
                neuron[key] = value

    def bias(self, group: h5py.Group, shapes: list[tuple[int, ...]]) -> None:
        if self.chance():
            shape = shapes[int(self.rng.integers(len(shapes)))]
            group["bias"] = self.rng.integers(-40, 40, shape).astype(np.float32)

    def conv(self, last: bool) -> None:
        rng, (channels, *size) = self.rng, self.shape
        groups = int(rng.choice([g for g in (1, 2, 3) if channels % g == 0]))
        out = groups * int(rng.integers(1, 3))
        group = self.group("conv")
        kernel, stride, padding, dilation = [], [], [], []
        square = self.chance(0.3) and size[0] == size[1]
        for n in size:
            if square and kernel:
                for values in (kernel, stride, padding, dilation):
                    values.append(values[0])
                continue
            padding.append(int(rng.integers(0, 2)))
            kernel.append(int(rng.integers(1, min(3, n + 2 * padding[-1]) + 1)))
            room = (n + 2 * padding[-1] - 1) // max(kernel[-1] - 1, 1)
            dilation.append(int(rng.integers(1, max(1, min(2, room)) + 1)))
            stride.append(int(rng.integers(1, 3)))
        weights = self.weights((out, channels // groups, *kernel), conv=True)
        group["weight"] = weights[..., None] if self.chance() else weights
        for key, values in (("stride", stride), ("padding", padding), ("dilation", dilation)):
            group[key] = values[0] if square else np.array(values)
        group["groups"] = groups
        self.shape = (
            out,
            *(
                (n + 2 * p - d * (k - 1) - 1) // s + 1
                for n, p, d, k, s in zip(size, padding, dilation, kernel, stride, strict=True)
            ),
        )
        group["shape"] = np.array(self.shape)
        self.neuron(group)
        self.bias(group, [(out,), self.shape[::-1]])

    def dense(self, last: bool) -> None:
        rng, sources = self.rng, prod(self.shape)
        if self.image:
            self.group("flatten")
        recurrent = self.chance(0.3)
        targets = sources if self.chance(0.2) and sources < 9 else int(rng.integers(1, 7))
        group = self.group("dense_rec" if recurrent else "dense")
        group["shape"] = np.array([targets, 1, 1] if self.chance() else [targets])
        weights = self.weights((targets, sources))
        group["weight"] = weights.ravel() if self.chance(0.1) else weights
        if recurrent:
            rec = self.weights((targets, targets))
            group["weight_rec"] = rec.ravel() if group["weight"].ndim == 1 else rec
        if self.chance(0.4) and (not recurrent or sources == targets):
            shapes: list[tuple[int, ...]] = [(), (targets,), (sources,), (targets, sources)]
            delay = rng.integers(0, 70 if self.chance(0.1) else 6, shapes[int(rng.integers(4))])
            group["delay"] = np.asarray(delay, dtype=np.float32)
        sigma = False
        if not (last and self.kind == "cuba" and self.chance(0.2)):
            self.neuron(group, last=last)
            sigma = "sigma_output" in group["neuron"]
        if not sigma:
            self.bias(group, [(targets,)])
        self.shape, self.image = (targets,), False


def write_random_file(path: Path, seed: int, kind: str, convs: int, denses: int) -> None:
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        made = RandomFile(rng, file, kind)
        shape = (int(rng.integers(1, 4)), 5, int(rng.integers(3, 6))) if convs else None
        neurons = kind == "sdnn" or made.chance(0.3)
        made.input_layer(shape or (int(rng.integers(1, 7)),), neurons)
        for _ in range(convs):
            made.conv(last=False)
        for i in range(denses):
            made.dense(last=i == denses - 1)
        if made.chance():
            file["simulation/Ts"] = 1
