"""Training state on disk: one safetensors file, with the numbers as JSON in its header; no pickle.

A checkpoint holds the model's and its optimizers' tensors and the number of finished steps. A
recipe whose batches and learning rates are functions of the step alone then continues bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.whole_files import require_file, write_whole


def save_weights(path: Path, model: nn.Module, metadata: dict[str, str] | None = None) -> None:
    """The model's state_dict as safetensors; the file appears whole or not at all."""
    write_tensors(path, model.state_dict(), metadata)


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Tensors as safetensors; the file appears whole or not at all."""
    here = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    content = save(here, metadata=metadata)
    write_whole(path, lambda partial: partial.write_bytes(content))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file; DataError if it is missing or damaged."""
    require_file(path, "weights-unreadable")
    try:
        return load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise DataError(Diagnostic(str(path), "weights-unreadable", str(error))) from error


def load_weights(path: Path, model: nn.Module) -> None:
    """Put a file's weights into `model`.

    DataError unless names, shapes and the neurons' reset mechanisms agree exactly: snnTorch would
    take the weights of a network with another reset in silence.
    """
    _put(path, read_tensors(path), model)


def start_as(network: nn.Module, weights: Path) -> None:
    """Give `network` the weights of its trained twin; what the twin has none for stays.

    Raises ConfigError for a twin of another size.
    """
    given, own = read_tensors(weights), network.state_dict()
    shared = {name: tensor for name, tensor in given.items() if name in own}
    wrong = [name for name, tensor in shared.items() if tensor.shape != own[name].shape]
    if wrong or not shared:
        detail = f"{', '.join(wrong[:3]) or 'all weights'} of another shape"
        raise ConfigError(Diagnostic(str(weights), "twin-size", detail))
    network.load_state_dict(own | shared)


def _put(path: Path, tensors: dict[str, Tensor], model: nn.Module) -> None:
    problems = [
        Diagnostic(
            str(path), "weights-mismatch", f"{name} is {tensors[name].item():g}, not {own:g}"
        )
        for name, own in model.state_dict().items()
        if name.endswith("reset_mechanism_val")
        and name in tensors
        and not torch.equal(tensors[name], own)
    ]
    broken = [n for n, x in tensors.items() if x.is_floating_point() and not x.isfinite().all()]
    if broken:
        detail = f"{len(broken)} tensors hold NaN or infinity, such as {broken[0]}"
        problems.append(Diagnostic(str(path), "weights-not-finite", detail))
    if problems:
        raise DataError(problems)
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        detail = _difference(tensors, model.state_dict()) or " ".join(str(error).split())
        hint = "give weights of this very network"
        raise DataError(Diagnostic(str(path), "weights-mismatch", detail, hint)) from error


def _difference(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> str:
    """How many names and shapes differ, and one of each."""
    shared = [name for name in own if name in tensors]
    kinds = {
        "missing": [name for name in own if name not in tensors],
        "unknown": [name for name in tensors if name not in own],
        "of another shape": [name for name in shared if tensors[name].shape != own[name].shape],
    }
    return "; ".join(f"{len(n)} {kind}, such as {n[0]}" for kind, n in kinds.items() if n)


def _place(which: int) -> str:
    return f"optimizer{which or ''}"


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    numbers: dict[str, Any],
) -> None:
    """Write model, optimizers and `numbers`, which must hold "step" and "identity", in one step."""
    tensors = {f"model/{k}": v.detach().clone() for k, v in model.state_dict().items()}
    for which, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            place = f"{_place(which)}/{index}"
            tensors |= {f"{place}/{k}": v.detach().clone() for k, v in state.items()}
    content = save(tensors, metadata={"numbers": json.dumps(numbers)})
    write_whole(path, lambda partial: partial.write_bytes(content))


def read_numbers(path: Path) -> dict[str, Any]:
    """The numbers of a checkpoint; DataError if it is damaged or no checkpoint."""
    require_file(path, "checkpoint-unreadable")
    try:
        with safe_open(str(path), framework="pt") as file:
            numbers: dict[str, Any] = json.loads((file.metadata() or {}).get("numbers", "{}"))
    except (OSError, SafetensorError) as error:
        raise DataError(Diagnostic(str(path), "checkpoint-unreadable", str(error))) from error
    if not {"step", "identity"} <= set(numbers):
        raise DataError(Diagnostic(str(path), "checkpoint", "not a training checkpoint"))
    return numbers


def load_checkpoint(
    path: Path, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> None:
    """Restore model and optimizers from `save_checkpoint`; DataError if the file does not fit."""
    tensors = read_tensors(path)
    weights = {k.removeprefix("model/"): v for k, v in tensors.items() if k.startswith("model/")}
    _put(path, weights, model)
    for which, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith(f"{_place(which)}/"):
                _, index, name = key.split("/")
                state.setdefault(int(index), {})[name] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
