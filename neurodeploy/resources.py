"""Files that travel with the code: chip descriptions, trained graphs, demo recordings.

In a checkout they lie beside the package (`hw_configs/`, `exports/`); an installed package carries
the same folders as package data under `neurodeploy/_data/`. Callers ask by kind and name and do not
care which of the two they run from.
"""

from __future__ import annotations

from pathlib import Path

from neurodeploy.errors import ConfigError, Diagnostic

_PACKAGE = Path(__file__).resolve().parent


def resource_roots() -> tuple[Path, ...]:
    """Folders that may hold resources, in order of preference.

    The parent of the package counts only where it is a checkout (it has our `pyproject.toml`), so
    that an unrelated `site-packages/exports` is never read.
    """
    checkout = _PACKAGE.parent
    beside = (checkout,) if (checkout / "pyproject.toml").is_file() else ()
    return (*beside, _PACKAGE / "_data")


def resource(kind: str, name: str) -> Path:
    """Path of the file or folder `name` of a `kind` such as "hw_configs" or "exports".

    Raises ConfigError when neither the checkout nor the installed package has it.
    """
    tried = [root / kind / name for root in resource_roots()]
    for path in tried:
        if path.exists():
            return path
    raise ConfigError(
        Diagnostic(
            where=f"{kind}/{name}",
            rule="resource-missing",
            detail="not found at " + ", ".join(str(path) for path in tried),
            hint="reinstall neurodeploy or run from a complete checkout",
        )
    )


def resource_names(kind: str, suffix: str = "") -> tuple[str, ...]:
    """Sorted names of the entries of a kind that end in `suffix`, over all roots."""
    names: set[str] = set()
    for root in resource_roots():
        folder = root / kind
        if folder.is_dir():
            names.update(p.name for p in folder.iterdir() if p.name.endswith(suffix))
    return tuple(sorted(names))
