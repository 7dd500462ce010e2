"""A hybrid program on disk: a folder of Programs, host weights and a manifest.

    NAME.hybrid/manifest.json       parts in order, what crosses, reasons, the module's fingerprint
    NAME.hybrid/chip1.ndp ...       a Program each
    NAME.hybrid/host.safetensors    PART/parameter of all host parts

Host parts are code, and code comes from the user: reading takes the module again, follows it anew
and cuts it where the manifest says. So nothing that is read is run, and torch.export, which cannot
hold neurons that keep their states, is not needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.hybrid.program import ChipPart, HostPart, HybridProgram, Part
from neurodeploy.ir.files import read_program, write_program
from neurodeploy.whole_files import Write, require_suffix, write_together

FORMAT: Final = "neurodeploy-hybrid"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "host.safetensors"


def write_hybrid(path: str | Path, hybrid: HybridProgram) -> None:
    """Writes the folder, all or nothing; ConfigError for a path that cannot be written."""
    from neurodeploy.frontends.hybrid import weights_of

    folder = _folder(path)
    weights = {
        f"{part.name}/{name}": value
        for part in hybrid.host_parts
        for name, value in weights_of(part.module).items()
    }
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "name": hybrid.name,
        "dt": hybrid.dt,
        "fingerprint": hybrid.fingerprint,
        "inputs": hybrid.inputs,
        "outputs": hybrid.outputs,
        "parts": [_described(part) for part in hybrid.parts],
    }
    text = json.dumps(manifest, indent=1) + "\n"
    files: dict[Path, Write] = {
        folder / f"{part.name}.ndp": partial(write_program, program=part.program)
        for part in hybrid.chip_parts
    }
    files[folder / WEIGHTS] = lambda file: file.write_bytes(save(weights))
    files[folder / MANIFEST] = lambda file: file.write_text(text, encoding="utf-8")
    write_together(files)


def read_hybrid(path: str | Path, module: Any) -> HybridProgram:
    """The hybrid program of a folder; module: built as the one that was cut, with any weights.

    Raises DataError for a folder that is damaged and for another module.
    """
    from neurodeploy.frontends.hybrid import fingerprint, trace_step

    folder = _folder(path)
    manifest = _manifest(folder)
    try:
        shapes = {str(k): tuple(map(int, v)) for k, v in manifest["inputs"].items()}
        step = trace_step(module, shapes)
        if fingerprint(step) != manifest["fingerprint"]:
            detail = f"{type(module).__name__} computes something else than the module that was cut"
            raise DataError(Diagnostic(str(folder), "module", detail, "give the module it was"))
        weights = load_file(str(folder / WEIGHTS))
        parts = tuple(_read(folder, each, step, weights) for each in manifest["parts"])
        outputs = tuple(map(str, manifest["outputs"]))
        hybrid = HybridProgram(
            manifest["name"], float(manifest["dt"]), shapes, parts, outputs, manifest["fingerprint"]
        )
        _check_flow(hybrid)
    except (KeyError, TypeError, ValueError, AttributeError, OSError, SafetensorError) as error:
        detail = f"is damaged: {type(error).__name__}: {error}"
        raise DataError(Diagnostic(str(folder), "content", detail)) from error
    return hybrid


def _folder(path: str | Path) -> Path:
    return require_suffix(Path(path), ".hybrid", "a hybrid program's folder")


def _manifest(folder: Path) -> Any:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(Diagnostic(str(folder / MANIFEST), "unreadable", str(error))) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(Diagnostic(str(folder / MANIFEST), "format", f"is no {FORMAT}"))
    if found.get("version") != VERSION:
        detail = f"version {found.get('version')!r}, this neurodeploy reads {VERSION}"
        raise DataError(Diagnostic(str(folder / MANIFEST), "version", detail))
    return found


def _described(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {"name": part.name, "inputs": part.inputs, "nodes": part.nodes}
    if isinstance(part, ChipPart):
        return found | {"side": "chip", "outputs": dict(part.outputs)}
    reasons = {k: [asdict(d) for d in v] for k, v in part.reasons.items()}
    return found | {"side": "host", "outputs": part.outputs, "reasons": reasons}


def _read(folder: Path, each: Mapping[str, Any], step: Any, weights: Mapping[str, Any]) -> Part:
    from neurodeploy.frontends.hybrid import rebuilt

    name, inputs, nodes = str(each["name"]), tuple(each["inputs"]), tuple(each["nodes"])
    if each["side"] == "chip":
        if not name.isidentifier():
            raise ValueError(f"a part is called {name!r}")
        program = read_program(folder / f"{name}.ndp")
        return ChipPart(name, program, inputs, dict(each["outputs"]), nodes)
    reasons = {k: tuple(Diagnostic(**d) for d in v) for k, v in each["reasons"].items()}
    own = {k.partition("/")[2]: v for k, v in weights.items() if k.startswith(f"{name}/")}
    module = rebuilt(step, nodes, tuple(each["outputs"]), own)
    return HostPart(name, module, inputs, tuple(each["outputs"]), nodes, reasons)


def _check_flow(hybrid: HybridProgram) -> None:
    """ValueError unless every value is there when it is read."""
    known = set(hybrid.inputs)
    for part in hybrid.parts:
        ports = set(part.inputs)
        if isinstance(part, ChipPart):
            ports |= {p.name for p in part.program.inputs}
            if not set(part.outputs.values()) <= set(part.program.outputs):
                raise ValueError(f"{part.name} has no such outputs")
        if not ports <= known:
            raise ValueError(f"{part.name} reads {', '.join(sorted(ports - known))} before it is")
        known |= set(part.outputs)
    if not set(hybrid.outputs) <= known:
        raise ValueError("an output is never computed")
