"""`FILE.py:FACTORY`: the user's own code that builds a network, and the weights to put into it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodeploy.errors import BackendUnavailable, ConfigError, Diagnostic
from neurodeploy.whole_files import file_problem

if TYPE_CHECKING:
    from neurodeploy.frontends.tracer.readout import Choice
    from neurodeploy.frontends.tracer.signature import Shapes


def load_module(reference: str, weights: Path | None = None) -> Any:
    """Imports FILE.py, calls FACTORY without arguments and loads `weights` (.safetensors) strictly.

    Raises ConfigError for a wrong reference or a factory that fails, DataError for weights that do
    not fit the network.
    """
    name, separator, factory = reference.rpartition(":")
    if not separator or not name.endswith(".py") or not factory.isidentifier():
        detail = "expected FILE.py:FACTORY, for example model.py:build"
        raise ConfigError(Diagnostic(reference, "factory", detail))
    path = Path(name)
    if (problem := file_problem(path)) is not None:
        raise ConfigError(Diagnostic(name, "file", problem))
    module = _build(path, factory)
    if not callable(getattr(module, "state_dict", None)):
        detail = f"returned {type(module).__name__}, no torch.nn.Module"
        raise ConfigError(Diagnostic(reference, "factory", detail))
    if weights is not None:
        from neurodeploy.zoo.train.checkpoint import load_weights

        load_weights(weights, module)
    return module


def _build(path: Path, factory: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"neurodeploy_user_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    where = f"{path}:{factory}"
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        detail = f"imports {error.name}, which is not installed"
        raise BackendUnavailable(Diagnostic(str(path), "package", detail)) from error
    except (Exception, SystemExit) as error:  # the user's own code may raise anything
        detail = f"{type(error).__name__}: {error}"
        raise ConfigError(Diagnostic(str(path), "import", detail)) from error
    build = getattr(module, factory, None)
    if not callable(build):
        names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        detail = f"has no {factory}; it has {', '.join(names) or 'no callables'}"
        raise ConfigError(Diagnostic(str(path), "factory", detail))
    try:
        return build()
    except (Exception, SystemExit) as error:  # likewise
        detail = f"{type(error).__name__}: {error}"
        raise ConfigError(Diagnostic(where, "factory", detail)) from error


def parse_shapes(texts: Sequence[str]) -> Shapes:
    """`784`; several of them for forward()'s first arguments; or several `ARGUMENT=2,34,34`.

    Raises ConfigError for anything else.
    """
    named = [text.partition("=") for text in texts if "=" in text]
    if named and len(named) < len(texts):
        detail = f"{', '.join(texts)}: some have a name and some have none"
        raise ConfigError(Diagnostic("--shape", "shape", detail, "name all or none"))
    if len({name for name, _, _ in named}) < len(named):
        detail = f"{', '.join(texts)}: an argument has one shape"
        raise ConfigError(Diagnostic("--shape", "shape", detail))
    if named:
        return {name.strip(): parse_shape(sizes) for name, _, sizes in named}
    shapes = [parse_shape(text) for text in texts]
    return shapes[0] if len(shapes) == 1 else shapes


def parse_shape(text: str) -> tuple[int, ...]:
    """`784` or `2,34,34`; ConfigError for anything else."""
    parts = text.replace("x", ",").split(",")
    if not all(p.strip().isdecimal() and int(p) > 0 for p in parts):
        detail = f"{text!r} is not like 784 or 2,34,34"
        raise ConfigError(Diagnostic("--shape", "shape", detail))
    return tuple(int(p) for p in parts)


def parse_choice(text: str) -> Choice:
    """`all`, or positions and keys of returned tensors such as `0,2`; None for an empty text."""
    if text in ("", "all"):
        return text or None
    parts = [part.strip() for part in text.split(",")]
    found = [int(part) if part.isdecimal() else part for part in parts]
    return found[0] if len(found) == 1 else found
