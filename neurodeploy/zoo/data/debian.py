"""Recordings out of Debian packages: downloaded by apt, checked, unpacked, never installed.

`apt-get download` fetches a package file as any user, `dpkg-deb -x` unpacks it into a folder.
The SHA-256 that apt's signed package list states is compared with the file's and written down.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from neurodeploy.errors import BackendUnavailable, DataError, Diagnostic
from neurodeploy.whole_files import write_text


@dataclass(frozen=True)
class DebianSource:
    """Files of one package that go into the corpus together."""

    name: str  # short name, also the file name prefix in the corpus
    package: str  # Debian package
    pattern: str  # glob below the unpacked package
    kind: str  # "speech" or "noise"
    licence: str  # of the files, from the package's copyright file
    speaker: str = ""  # speech: who speaks; the whole speaker is in one split
    split: str = ""  # fixed split; empty: by the hash of the source recording's name
    skip: str = ""  # regular expression of paths to leave out
    archive: str = ""  # zip file inside the package that holds the files


_NOT_SPEECH = (
    r"/(silence|letters|phonetic)/|/digits/\d\.|/(beep|beeperr|tt-monkeys|"
    r"ascending-2tone|descending-2tone|confbridge-(join|leave))\b"
)


def _asterisk(language: str, speaker: str, split: str, licence: str) -> DebianSource:
    package = f"asterisk-core-sounds-{language}-g722"
    name = f"asterisk_{language}"
    pattern = "usr/share/asterisk/sounds/**/*.g722"
    return DebianSource(name, package, pattern, "speech", licence, speaker, split, _NOT_SPEECH)


# Speakers and licences are those of each package's copyright file.
SOURCES: tuple[DebianSource, ...] = (
    _asterisk("en", "allison", "train", "CC-BY-SA-3.0"),
    _asterisk("es", "allison", "train", "CC-BY-SA-3.0"),  # the same voice as the English prompts
    _asterisk("fr", "june", "train", "CC-BY-SA-3.0"),
    _asterisk("it", "carlo", "val", "CC-BY-3.0"),
    _asterisk("ru", "ivrvoice", "test", "CC-BY-3.0"),
    DebianSource(
        "moh", "asterisk-moh-opsound-g722", "usr/share/asterisk/**/*.g722", "noise", "CC-BY-SA-3.0"
    ),
    DebianSource(
        "ufo",
        "ufoai-sound",
        "sound/ambience/**/*",
        "noise",
        "GPL-2+ and others",
        skip=r"jingle|disco|tv_news|radiomessage",  # these hold speech or song
        archive="usr/share/games/ufoai/base/0snd.pk3",
    ),
    DebianSource(
        "lincity",
        "lincity-ng-data",
        "usr/share/games/lincity-ng/sounds/*.wav",
        "noise",
        "GPL-2+",
        skip=r"Click|Window",
    ),
    DebianSource(
        "sonicpi",
        "sonic-pi-samples",
        "usr/share/sonic-pi/samples/*.flac",
        "noise",
        "CC0-1.0",
        skip=r"/(bass|bd|drum|sn|elec|guit|tabla|hat)_",  # single hits of under a second
    ),
)


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise BackendUnavailable(
            Diagnostic(
                where=name,
                rule="tool-missing",
                detail=f"{name} is not on this machine, so Debian packages cannot be fetched",
                hint="use Debian or Ubuntu, or give folders: --speech-folder, --noise-folder",
            )
        )
    return path


def _run(command: list[str], folder: Path, where: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise DataError(
            Diagnostic(where, "package-fetch", lines[-1], "try `apt-get update` and the network")
        )
    return done.stdout


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def fetch_package(package: str, cache: Path) -> dict[str, str]:
    """Download `package` into `cache` unless the very file is there; its name and SHA-256.

    Raises BackendUnavailable without apt, DataError if apt fails or the file does not match.
    """
    cache.mkdir(parents=True, exist_ok=True)
    apt = _tool("apt-get")
    with tempfile.TemporaryDirectory(dir=cache) as folder:  # apt lists only what is not there yet
        listing = _run([apt, "download", "--print-uris", package], Path(folder), package).split()
    hashes = [word for word in listing if word.startswith("SHA256:")]
    if len(listing) < 4 or not hashes:
        raise DataError(Diagnostic(package, "package-fetch", "apt lists no file with a SHA-256"))
    name, stated = listing[1], hashes[0].removeprefix("SHA256:")
    target = cache / name
    if not (target.is_file() and _sha256(target) == stated):
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _run([apt, "download", package], Path(folder), package)
            (fetched,) = Path(folder).glob("*.deb")
            if (found := _sha256(fetched)) != stated:
                detail = f"SHA-256 {found}, apt's list says {stated}"
                raise DataError(Diagnostic(package, "package-damaged", detail))
            os.replace(fetched, target)
    return {"package": package, "file": name, "sha256": stated}


def unpack_package(deb: Path, cache: Path) -> Path:
    """The folder with the files of `deb`, unpacked once; half an unpacking is never left."""
    target = cache / deb.stem
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _run([_tool("dpkg-deb"), "-x", str(deb), "x"], Path(folder), deb.name)
            os.replace(Path(folder) / "x", target)
    return target


def unpack_archive(archive: Path, prefix: str, cache: Path) -> Path:
    """The folder with the members of a zip file whose names start with `prefix`."""
    target = cache / (archive.stem + "_unpacked")
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=cache) as folder, zipfile.ZipFile(archive) as file:
            members = [name for name in file.namelist() if name.startswith(prefix)]
            file.extractall(Path(folder) / "x", members)
            os.replace(Path(folder) / "x", target)
    return target


def source_files(source: DebianSource, cache: Path, *, record: Path) -> list[Path]:
    """Fetch, check and unpack what `source` needs; its files, sorted.

    `record` collects one JSON object per package: package, file (with version), sha256.
    """
    entry = fetch_package(source.package, cache)
    known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    known[source.package] = entry
    write_text(record, json.dumps(known, indent=2, sort_keys=True) + "\n")
    root = unpack_package(cache / entry["file"], cache)
    if source.archive:
        prefix = source.pattern.split("*", 1)[0]
        root = unpack_archive(root / source.archive, prefix, cache)
    return sorted(path for path in root.glob(source.pattern) if path.is_file())
