"""The results file of a verification: what `verify` found, as one versioned JSON document."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from neurodeploy.agreement import Difference, Verification
from neurodeploy.agreement.evidence import LayerEvidence, gather
from neurodeploy.bench.results import Provenance
from neurodeploy.bench.results_files import read_document, write_document

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
    return write_document(results, path)


def read_verification(path: str | Path) -> VerificationResults:
    """The results in a file; raises what `read_document` raises."""
    return read_document(VerificationResults, VERIFICATION_SCHEMA, path, command="verify")
