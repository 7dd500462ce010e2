"""Files that appear whole or not at all: written beside their place, then renamed; and what can be
said of one before it is read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from neurodeploy.errors import ConfigError, DataError, Diagnostic

Write = Callable[[Path], object]


def require_file(path: Path, rule: str = "file") -> Path:
    """`path`; DataError unless there is something in it to read."""
    if not path.exists():
        detail = "there is no such file"
    elif path.is_dir():
        detail = "is a folder"
    elif path.is_file() and not path.stat().st_size:
        detail = "is empty"
    else:
        return path
    raise DataError(Diagnostic(str(path), rule, detail))


def write_whole(path: Path, write: Write) -> Path:
    """Calls `write` with a temporary path in the same folder, renames it to `path`, returns `path`.

    The folder is made if need be; an exception in `write` leaves what was there. Raises ConfigError
    for a path that cannot be written.
    """
    write_together({path: write})
    return path


def write_together(files: Mapping[Path, Write]) -> None:
    """`write_whole` for files that belong together: the first is renamed when all are written.

    They are renamed in the order given. An exception in a `write` leaves all that was there, and
    no new folder.
    """
    written: dict[Path, Path] = {}
    with _folders(files):
        try:
            for path, write in files.items():
                with _places(path):
                    written[path] = _temporary(path)
                    write(written[path])
                    written[path].chmod(0o666 & ~_umask())
            for path, temporary in written.items():
                with _places(path):
                    os.replace(temporary, path)
        finally:
            for temporary in written.values():
                temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> Path:
    """`path`, made with what is above it if need be; ConfigError if that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        detail = f"cannot be made: {error.strerror or error}"
        raise ConfigError(Diagnostic(str(path), "output", detail)) from error
    return path


def require_suffix(path: Path, suffix: str, what: str) -> Path:
    """`path`; ConfigError unless it ends with `suffix`: a mistyped name must not cost an input."""
    if path.suffix != suffix:
        detail = f"the name of {what} ends with {suffix}"
        raise ConfigError(Diagnostic(str(path), "suffix", detail))
    return path


def require_another(path: Path, inputs: Iterable[Path]) -> Path:
    """`path`; ConfigError if it is the file of one of the inputs."""
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            detail = "is read by this command, and would be written over"
            raise ConfigError(Diagnostic(str(path), "output", detail, "choose another name"))
    return path


def require_place(path: Path) -> Path:
    """`path`; ConfigError if no file can be written there, before the work for it is done."""
    with _folders([path]), _places(path):
        _temporary(path).unlink()
    return path


@contextmanager
def _folders(files: Iterable[Path]) -> Iterator[None]:
    """Folders made for these files go again where nothing came to stand in them."""
    missing = {f for path in files for f in path.parents if not f.exists()}
    try:
        yield
    finally:
        for folder in sorted(missing, key=lambda f: len(f.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def _places(path: Path) -> Iterator[None]:
    """Failures of the file system as ConfigErrors that name `path`."""
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "is a folder")
        yield
    except OSError as error:
        detail = f"cannot be written: {error.strerror or error}"
        raise ConfigError(Diagnostic(str(path), "output", detail)) from error


def _temporary(path: Path) -> Path:
    beside = path.parent
    beside.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=beside, prefix=f".{path.stem}-", suffix=path.suffix)
    except FileNotFoundError:  # another write has failed since, and taken the folder away
        beside.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=beside, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    return Path(name)


def write_text(path: Path, text: str) -> Path:
    """Writes UTF-8 text whole."""
    return write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _umask() -> int:
    """The process's umask; mkstemp makes files that only their owner reads."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
