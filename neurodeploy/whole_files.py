"""Files that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from neurodeploy.errors import ConfigError, Diagnostic


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Calls `write` with a temporary path in the same folder, renames it to `path`, returns `path`.

    The folder is made if need be; an exception in `write` leaves what was there. Raises ConfigError
    for a path that cannot be written.
    """
    try:
        return _write_whole(path, write)
    except OSError as error:
        detail = f"cannot be written: {error.strerror or error}"
        raise ConfigError(Diagnostic(str(path), "output", detail)) from error


def require_suffix(path: Path, suffix: str, what: str) -> Path:
    """`path`; ConfigError unless it ends with `suffix`: a mistyped name must not cost an input."""
    if path.suffix != suffix:
        detail = f"the name of {what} ends with {suffix}"
        raise ConfigError(Diagnostic(str(path), "suffix", detail))
    return path


def _write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Writes UTF-8 text whole."""
    return write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _umask() -> int:
    """The process's umask; mkstemp makes files that only their owner reads."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
