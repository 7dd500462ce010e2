"""The results file of a verification: what `verify` found, as one versioned JSON document."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from neurodeploy.agreement import Difference, Verification
from neurodeploy.agreement.evidence import LayerEvidence, gather
from neurodeploy.bench.records import from_json, to_json
from neurodeploy.bench.results import Provenance
from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.whole_files import write_text

VERIFICATION_SCHEMA: Final = "neurodeploy.verification/1"


@dataclass(frozen=True)
class VerificationResults:
    """All of it. `schema` is VERIFICATION_SCHEMA; readers refuse any other.

    differences: one per quantity, layer and pair of stages; evidence: of the layers that differ.
    """

    title: str
    provenance: Provenance
    network: str
    dt_s: float
    steps: int
    batch: int
    differences: tuple[Difference, ...]
    evidence: tuple[LayerEvidence, ...]
    warnings: tuple[str, ...] = ()
    schema: str = field(default=VERIFICATION_SCHEMA)

    @property
    def agrees(self) -> bool:
        return all(d.agrees for d in self.differences)


def verification_results(found: Verification, provenance: Provenance) -> VerificationResults:
    """What of a verification is kept."""
    return VerificationResults(
        title=f"Verification of {found.name}",
        provenance=provenance,
        network=found.name,
        dt_s=found.dt,
        steps=found.steps,
        batch=found.batch,
        differences=found.differences,
        evidence=tuple(gather(found.comparisons, found.thresholds)),
        warnings=tuple(str(w) for w in found.warnings),
    )


def write_verification(results: VerificationResults, path: str | Path) -> Path:
    """Writes the JSON document."""
    text = json.dumps(to_json(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return write_text(Path(path), text)


def read_verification(path: str | Path) -> VerificationResults:
    """The results in a file; DataError for one that is damaged, incomplete or of another schema."""
    path = Path(path)
    data = read_json(path)
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != VERIFICATION_SCHEMA:
        detail = f"schema {schema!r} where {VERIFICATION_SCHEMA!r} is read"
        raise DataError(Diagnostic(path.name, "results-schema", detail, "run `verify` again"))
    return from_json(VerificationResults, data, path.name)


def read_json(path: Path) -> Any:
    """Any results file; DataError if it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError(Diagnostic(path.name, "results-file", str(error))) from error
