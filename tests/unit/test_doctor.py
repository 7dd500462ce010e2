"""`neurodeploy doctor`: the list, its two forms, refusals, and Lava's proof."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neurodeploy import doctor
from neurodeploy.errors import BackendUnavailable, ConfigError

NAMES = [
    "Python",
    "numpy",
    "nir",
    "torch",
    "snntorch",
    "norse",
    "lava-nc",
    "lava-dl",
    "Loihi extension",
    "GPU",
]


def _cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neurodeploy", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_table_fits_80_columns_and_names_every_part() -> None:
    done = _cli()
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    for name in NAMES:
        assert name in done.stdout


def test_json_has_version_purpose_and_one_command_for_each_part() -> None:
    done = _cli("--json")
    listed: list[dict[str, Any]] = json.loads(done.stdout)
    assert [part["name"] for part in listed] == NAMES
    for part in listed:
        assert part["purpose"]
        assert part["install"]
        assert part["found"] == bool(part["version"])
    assert listed[0]["version"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")


def test_a_missing_part_is_not_found_and_only_the_core_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: "")
    missing = {part.name: part for part in doctor.parts()}
    assert not missing["lava-nc"].found
    assert missing["lava-nc"].install == "neurodeploy doctor --install lava"
    assert {name for name, part in missing.items() if part.needed and not part.found} == {
        "numpy",
        "nir",
    }


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys, neurodeploy.doctor as d; d.parts(); "
        "print({m.split('.')[0] for m in sys.modules} & {'torch', 'lava', 'snntorch', 'norse'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_unknown_part_and_missing_constraints_are_usage_errors(tmp_path: Path) -> None:
    for arguments in (("quartz", None), ("lava", tmp_path / "none.txt")):
        with pytest.raises(ConfigError) as refused:
            doctor.install(*arguments)
        assert refused.value.exit_code == 2


def test_pip_s_reason_is_passed_on_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impossible = tmp_path / "constraints.txt"
    impossible.write_text("scipy==0.0.1\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(BackendUnavailable, match="scipy") as failed:
        doctor.install("lava", impossible)
    assert failed.value.exit_code == 3


def test_the_proof_runs_lava_and_compares_integers() -> None:
    assert "integers equal" in doctor.check_lava()
