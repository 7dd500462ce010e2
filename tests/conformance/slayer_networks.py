"""Trains small slayer networks for a few steps and exports them: `slayer_networks.py FOLDER`.

Per network NAME.net, written by slayer, and NAME.npz: `input` (T, B, *shape) in the integers of the
file's port, and what slayer computes with its quantised weights, (T, B, *shape) in the integers of
a Program: `K/out`, what layer K sends, `K/u` and `K/v` of its neurons (v after the reset; u with
the bias, which slayer adds to it). slayer's networks see `silent` steps of nothing before the
input, and what it delays by a step is put back by one: docs/netx.md says why. Then every array
begins with Lava's first step; without silent steps with the first that sees the input.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from neurodeploy.backends.lava.compat import import_slayer

slayer = import_slayer()
CUBA = {"threshold": 1.25, "current_decay": 0.25, "voltage_decay": 0.03}
SDNN = {"threshold": 0.1, "activation": torch.nn.functional.relu}
SPIKES, STATES, MESSAGES, SUMS = 1, 1 << 12, 1 << 12, 1 << 18  # integers per unit of slayer's
STEPS, BATCH = 24, 2
READ_OUTS = (slayer.block.cuba.Affine, slayer.block.sigma_delta.Output)


class Average(slayer.block.cuba.Average):
    """Written as slayer's export_hdf5 means to, which fails: it asks for a neuron's shape."""

    def export_hdf5(self, handle: Any) -> None:
        handle["type"] = np.array([b"average"])
        handle["shape"] = np.array(self.shape)


def normalised(**params: Any) -> dict[str, Any]:
    """With a bias: slayer has one only as the mean of a normalisation."""
    return {**params, "norm": slayer.neuron.norm.MeanOnlyBatchNorm}


def dense() -> list[Any]:
    block = slayer.block.cuba
    return [block.Dense(CUBA, 12, 10, weight_scale=3), block.Dense(CUBA, 10, 4, weight_scale=3)]


def delays() -> list[Any]:
    block = slayer.block.cuba
    return [
        block.Dense(CUBA, 12, 9, weight_scale=3, delay=True),
        block.Dense(CUBA, 9, 9, weight_scale=3, delay=True),
        block.Affine(CUBA, 9, 3, weight_scale=2),
    ]


def bias() -> list[Any]:
    block = slayer.block.cuba
    memoryless = normalised(**{**CUBA, "current_decay": 1.0})
    return [
        block.Input({**CUBA, "current_decay": 1.0}, weight=1.0, bias=0.25),
        block.Dense(memoryless, 12, 8, weight_scale=2),
        block.Dense(normalised(**CUBA), 8, 4, weight_scale=2),
    ]


def conv() -> list[Any]:
    block = slayer.block.cuba
    return [
        block.Conv(CUBA, 2, 4, (3, 2), padding=(1, 0), weight_scale=2),
        block.Conv(normalised(**CUBA), 4, 4, 3, stride=(2, 1), groups=2, dilation=(1, 2)),
        block.Flatten(),
        block.Dense(CUBA, 8, 5, weight_scale=2),
    ]


def conv_delays() -> list[Any]:
    block = slayer.block.cuba
    return [
        block.Conv(CUBA, 2, 4, 3, padding=1, weight_scale=2, delay=True),
        block.Conv(CUBA, 4, 4, 3, stride=2, weight_scale=2, delay=True),
        block.Flatten(),
        block.Dense(CUBA, 16, 5, weight_scale=2),
    ]


def average() -> list[Any]:
    block = slayer.block.cuba
    return [block.Dense(CUBA, 12, 8, weight_scale=3), Average(4)]


def pool() -> list[Any]:
    block = slayer.block.cuba
    return [
        block.Conv(CUBA, 2, 3, 3, padding=1, weight_scale=2),
        block.Pool(CUBA, 2, weight_scale=1.5),
        block.Flatten(),
        block.Dense(CUBA, 27, 4, weight_scale=2),
    ]


def recurrent() -> list[Any]:
    """slayer writes into the parameters of a recurrent block."""
    block = slayer.block.cuba
    return [
        block.Recurrent(dict(CUBA), 12, 8, weight_scale=2),
        block.Recurrent(dict(CUBA), 8, 8, weight_scale=2),
        block.Dense(CUBA, 8, 3, weight_scale=2),
    ]


def sdnn() -> list[Any]:
    block = slayer.block.sigma_delta
    return [
        block.Input(SDNN),
        block.Conv(SDNN, 2, 3, 3, padding=1, weight_scale=2),
        block.Flatten(),
        block.Dense(SDNN, 108, 8, weight_scale=2),
        block.Output(SDNN, 8, 3, weight_scale=2),
    ]


def sdnn_delays() -> list[Any]:
    block = slayer.block.sigma_delta
    return [
        block.Input(SDNN),
        block.Dense(SDNN, 12, 9, weight_scale=2, delay=True),
        block.Dense(SDNN, 9, 6, weight_scale=2, delay=True),
        block.Output(SDNN, 6, 3, weight_scale=2),
    ]


def sdnn_bias() -> list[Any]:
    block = slayer.block.sigma_delta
    return [
        block.Input(SDNN),
        block.Dense(normalised(**SDNN), 12, 9, weight_scale=2, delay_shift=True),
        block.Dense(normalised(**SDNN), 9, 6, weight_scale=2, delay_shift=True),
        block.Output(SDNN, 6, 3, weight_scale=2),
    ]


IMAGE, LINE = (2, 6, 6), (12,)
NETWORKS = {
    "dense": (dense, LINE, 1),
    "delays": (delays, LINE, 1),
    "bias": (bias, LINE, 1),
    "conv": (conv, IMAGE, 1),
    "conv_delays": (conv_delays, IMAGE, 1),
    "pool": (pool, IMAGE, 1),
    "average": (average, LINE, 1),
    "recurrent": (recurrent, LINE, 1),
    "sdnn": (sdnn, IMAGE, 0),
    "sdnn_delays": (sdnn_delays, LINE, 0),
    "sdnn_bias": (sdnn_bias, LINE, 2),
}


class Network(torch.nn.Module):
    def __init__(self, blocks: list[Any]) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x


def inputs(shape: tuple[int, ...], graded: bool, batch: int, rng: np.random.Generator) -> Any:
    """Integers of the file's port, `(T, B, *shape)`: spikes, or even 64ths for an input layer."""
    if not graded:
        return (rng.random((STEPS, batch, *shape)) < 0.4).astype(np.int64)
    return np.repeat(rng.integers(-30, 31, (STEPS // 4, batch, *shape)) * 2, 4, axis=0)


def as_slayer(x: Any, graded: bool, silent: int) -> torch.Tensor:
    """`(B, *shape, T)` in slayer's units, after `silent` steps of nothing."""
    padded = np.concatenate([np.zeros((silent, *x.shape[1:])), x / (64 if graded else 1)])
    return torch.tensor(np.moveaxis(padded, 0, -1).copy(), dtype=torch.float32)


def train(network: Network, shape: tuple[int, ...], graded: bool, rng: Any) -> None:
    # another batch size than the evaluation's: slayer carries the state of recurrent layers on
    x = as_slayer(inputs(shape, graded, BATCH + 1, rng), graded, 0)
    network(x)  # slayer creates delays at the first call
    for _ in range(4):
        network.zero_grad()
        out = network(x)
        ((out.mean(dim=-1) - 0.3) ** 2).sum().backward()
        with torch.no_grad():
            for weights in network.parameters():
                if weights.grad is not None:  # as Adam's first step: torch.optim is slow to import
                    weights -= 0.02 * weights.grad.sign()


def recorded(network: Network, x: torch.Tensor, silent: int) -> dict[str, Any]:
    """What every block with neurons sends, and u and v of CUBA neurons, as integers."""
    found: dict[str, list[torch.Tensor]] = {}
    for index, block in enumerate(network.blocks):
        neuron = getattr(block, "neuron", None)
        if neuron is not None and hasattr(neuron, "dynamics"):
            _listen(neuron, found, str(index))
    with torch.no_grad():
        results: dict[str, Any] = {}
        for index, block in enumerate(network.blocks):
            members, x = x.shape[1], block(x)
            if isinstance(block, Average):
                results[f"{index}/out"] = x * 64 * (members // block.num_outputs)
            elif getattr(block, "neuron", None) is not None:
                sent = x[..., 1:] if silent and not isinstance(block, READ_OUTS) else x
                results[f"{index}/out"] = sent * _unit(block)
    for key, parts in found.items():
        results[key] = torch.cat(parts, dim=-1) * STATES
    whole = {key: value.detach().numpy().astype(np.float64) for key, value in results.items()}
    for key, values in whole.items():
        assert (values == np.rint(values)).all(), key  # float32 was exact
    return {k: np.moveaxis(v, -1, 0).astype(np.int64) for k, v in whole.items()}


def _unit(block: Any) -> int:
    if isinstance(block, slayer.block.sigma_delta.Output):
        return SUMS
    if isinstance(block, slayer.block.cuba.Affine):
        return STATES
    return MESSAGES if isinstance(block, slayer.block.sigma_delta.AbstractSDRelu) else SPIKES


def _listen(neuron: Any, found: dict[str, list[torch.Tensor]], name: str) -> None:
    """Keeps u and v of every call; slayer calls a recurrent layer's neurons step by step."""
    plain = neuron.dynamics

    def dynamics(z: torch.Tensor) -> Any:
        current, voltage = plain(z)
        above = (voltage > neuron.threshold) & (neuron.threshold > 0)  # Affine has -1: no reset
        found.setdefault(f"{name}/u", []).append(current)
        found.setdefault(f"{name}/v", []).append(torch.where(above, 0 * voltage, voltage))
        return current, voltage

    neuron.dynamics = dynamics


def make(folder: Path, name: str) -> None:
    build, shape, silent = NETWORKS[name]
    torch.manual_seed(5)
    rng = np.random.default_rng(5)
    network = Network(build())
    graded = hasattr(network.blocks[0], "input_shape")
    train(network, shape, graded, rng)
    for block in network.blocks:  # a few steps leave delays at what they began with, below 1
        if getattr(block, "delay", None) is not None:
            block.delay.delay.data = torch.tensor(rng.uniform(0, 7, block.delay.shape[0])).float()
    network.eval()
    x = inputs(shape, graded, BATCH, rng)
    results = recorded(network, as_slayer(x, graded, silent), silent)
    np.savez(folder / f"{name}.npz", input=x, silent=silent, **results)
    with h5py.File(folder / f"{name}.net", "w") as file:
        groups = file.create_group("layer")
        for index, block in enumerate(network.blocks):
            block.export_hdf5(groups.create_group(str(index)))


if __name__ == "__main__":
    for wanted in sys.argv[2:] or NETWORKS:
        make(Path(sys.argv[1]), wanted)
