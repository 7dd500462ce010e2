from __future__ import annotations

from pathlib import Path

import pytest

from neurodeploy import resources
from neurodeploy.errors import ConfigError
from neurodeploy.resources import resource, resource_names


def test_a_checkout_finds_the_files_beside_the_package() -> None:
    checkout = Path(resources.__file__).resolve().parents[1]
    assert resource("exports", "clips") == checkout / "exports" / "clips"
    assert "vad.safetensors" in resource_names("exports", ".safetensors")


def test_an_installed_package_finds_its_own_data_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "neurodeploy"
    (package / "_data" / "exports").mkdir(parents=True)
    (package / "_data" / "exports" / "net.nir").touch()
    (tmp_path / "site-packages" / "exports").mkdir()
    (tmp_path / "site-packages" / "exports" / "alien.nir").touch()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert resource("exports", "net.nir") == package / "_data" / "exports" / "net.nir"
    assert resource_names("exports") == ("net.nir",)
    with pytest.raises(ConfigError, match=r"exports/alien.nir \[resource-missing\]"):
        resource("exports", "alien.nir")
