"""Files that appear whole or not at all: written beside their place, then renamed; and what can be
said of one before it is read."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from neurodeploy.errors import ConfigError, DataError, Diagnostic

Write = Callable[[Path], object]
_MAKING = threading.Lock()  # a folder is not removed between its making and its first file


def require_file(path: Path, rule: str = "file", *, pipes: bool = False) -> Path:
    """`path`; DataError unless it is a file with something in it, or with `pipes` a pipe."""
    if (problem := file_problem(path, pipes=pipes)) is not None:
        raise DataError(Diagnostic(str(path), rule, problem))
    return path


def file_problem(path: Path, *, pipes: bool = False) -> str | None:
    """What keeps a file from being read, in words; None where nothing is known to."""
    try:
        about = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "there is no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if stat.S_ISDIR(about.st_mode):
        return "is a folder"
    if not stat.S_ISREG(about.st_mode):
        return None if pipes else "is no regular file"
    return None if about.st_size else "is empty"


def write_whole(path: Path, write: Write) -> Path:
    """Calls `write` with a temporary path in the same folder, renames it to `path`, returns `path`.

    The folder is made if need be; an exception in `write` leaves what was there, and no new folder.
    Raises ConfigError for a path that cannot be written.
    """
    write_together({path: write})
    return path


def write_together(files: Mapping[Path, Write]) -> None:
    """`write_whole` for files that belong together: the first is renamed when all are written.

    They are renamed in the order given. An exception in a `write` leaves all that was there.
    """
    written: dict[Path, Path] = {}
    made: list[Path] = []
    try:
        for path, write in files.items():
            with _places(path):
                written[path] = _temporary(path, made)
                write(written[path])
                written[path].chmod(0o666 & ~_umask())
        for path, temporary in written.items():
            with _places(path):
                os.replace(temporary, path)
        made.clear()
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
        _unmake(made)


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
    """`path`; ConfigError if no file can be written there, before the work for it is done.

    Folders are made and removed again.
    """
    made: list[Path] = []
    try:
        with _places(path):
            _temporary(path, made).unlink()
    finally:
        _unmake(made)
    return path


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


def _temporary(path: Path, made: list[Path]) -> Path:
    """An empty file beside `path`; folders that had to be made for it join `made`."""
    with _MAKING:
        missing = [f for f in path.absolute().parents if not os.path.lexists(f)]
        path.parent.mkdir(parents=True, exist_ok=True)
        made += missing
        handle, name = tempfile.mkstemp(path.suffix, f".{path.stem}-", path.parent)
    os.close(handle)
    return Path(name)


def _unmake(folders: Iterable[Path]) -> None:
    """Remove what is empty of them."""
    with _MAKING:
        for folder in sorted(folders, key=lambda f: len(f.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()


def write_text(path: Path, text: str) -> Path:
    """Writes UTF-8 text whole."""
    return write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _umask() -> int:
    """The process's umask; mkstemp makes files that only their owner reads."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
