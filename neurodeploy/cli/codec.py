"""`neurodeploy codec`: speech to `.esc` files of 1.5 to 9 kbit/s, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._show import say, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.zoo.codec.weights import Codec

app = typer.Typer(help="Speech at 1.5 to 9 kbit/s (ESC): .esc files.", no_args_is_help=True)

Facts = dict[str, Any]
Progress = Callable[[float], None]
Work = Callable[["Codec", Path, Path, Executor | None, Progress], Facts]
DEFAULT_MODEL = "esc_tiny.safetensors"
MODEL = typer.Option(None, help="weights, NAME.safetensors of `neurodeploy train`  [shipped: tiny]")
OUTPUT = typer.Option(..., "-o", "--output", help="file; a folder for several inputs")
WORKERS = typer.Option(2, min=1, help="threads; the result is the same with any number")
JSON = typer.Option(False, "--json", help="machine-readable")
INT8 = typer.Option(False, "--int8", help="network in 8 bits: faster, a little worse")


@app.callback()
def _group() -> None:
    """Speech at 1.5 to 9 kbit/s (ESC): .esc files."""


@app.command("encode")
def encode(
    recordings: list[Path] = typer.Argument(..., metavar="INPUT...", help="wav, flac, ogg …"),
    output: Path = OUTPUT,
    kbps: float = typer.Option(6.0, help="1.5, 3, 4.5, 6, 7.5 or 9"),
    model: Path | None = MODEL,
    entropy: bool = typer.Option(False, "--entropy", help="range code: smaller, nothing lost"),
    int8: bool = INT8,
    workers: int = WORKERS,
    as_json: bool = JSON,
) -> None:
    """Encode recordings; rates are of the codes, a file adds 100 bit/s and 96 bytes."""
    from neurodeploy.zoo.codec.container import PACKED, RANGE_CODED
    from neurodeploy.zoo.codec.files import Rate, encode_file, streams_of

    codec = _open(model, int8)
    streams = streams_of(kbps, codec.network.config)
    rate = Rate(streams, RANGE_CODED if entropy else PACKED)

    def work(codec: Codec, a: Path, b: Path, pool: Executor | None, progress: Progress) -> Facts:
        return encode_file(codec, a, b, rate, pool=pool, progress=progress)

    _show_files(_batch(codec, work, _places(recordings, output, ".esc"), workers), as_json)


@app.command("decode")
def decode(
    files: list[Path] = typer.Argument(..., metavar="INPUT...", help=".esc"),
    output: Path = OUTPUT,
    model: Path | None = MODEL,
    int8: bool = INT8,
    workers: int = WORKERS,
    as_json: bool = JSON,
) -> None:
    """Decode to WAV or FLAC, 16 kHz; lost packets are silent, and told."""
    from neurodeploy.zoo.codec.files import decode_file

    def work(codec: Codec, a: Path, b: Path, pool: Executor | None, progress: Progress) -> Facts:
        return decode_file(codec, a, b, pool=pool, progress=progress)

    done = _batch(_open(model, int8), work, _places(files, output, ".wav"), workers)
    _show_files(done, as_json)


@app.command("info")
def info(
    files: list[Path] = typer.Argument(..., metavar="INPUT...", help=".esc"),
    as_json: bool = JSON,
) -> None:
    """What .esc files hold, and what of them is damaged; needs no weights."""
    from neurodeploy.errors import NeurodeployError, raise_all
    from neurodeploy.zoo.codec.container import open_esc
    from neurodeploy.zoo.codec.files import facts_of

    found: dict[Path, Facts] = {}
    failures: list[NeurodeployError] = []
    for path in files:
        try:
            with open_esc(path) as file:
                found[path] = facts_of(file)
        except NeurodeployError as error:
            failures.append(error)
    if found:
        _show_files(found, as_json)
    raise_all(failures)


@app.command("usage")
def usage(
    run: Path = typer.Argument(..., help="folder of `neurodeploy train`, finished or not"),
    output: Path = typer.Option(..., "-o", "--output", help="the .svg file to write"),
) -> None:
    """Draw how a training uses its codebooks: bits and codes of each stream and group."""
    from neurodeploy.report.codebooks import codebook_usage
    from neurodeploy.whole_files import require_suffix, write_text
    from neurodeploy.zoo.codec.files import stream_rate
    from neurodeploy.zoo.train.codec import run_history

    path = require_suffix(output, ".svg", "a picture")
    config, history = run_history(run)
    write_text(path, codebook_usage(history, stream_rate(config) / 1000.0))
    say(f"wrote {path}")


def _open(model: Path | None, int8: bool) -> Codec:
    from neurodeploy.resources import resource
    from neurodeploy.zoo.codec.weights import open_codec

    codec = open_codec(model or resource("exports", DEFAULT_MODEL))
    return codec.int8() if int8 else codec


def _places(inputs: Sequence[Path], output: Path, suffix: str) -> dict[Path, Path]:
    """Where each input goes; ConfigError where two would go to one place."""
    from neurodeploy.errors import ConfigError, Diagnostic

    if str(output) == "-":
        detail = "files are written whole, not to standard output"
        raise ConfigError(Diagnostic("--output", "output", detail, "a file or a folder"))
    if output.suffix and not output.is_dir():
        if len(inputs) == 1:
            return {inputs[0]: output}
        if output.suffix in (".esc", ".wav", ".flac"):
            detail = f"{output} is the name of one file, for {len(inputs)} inputs"
            raise ConfigError(Diagnostic("--output", "output", detail, "a folder"))
    places = {path: output / f"{path.stem}{suffix}" for path in inputs}
    twice = [p for p in set(places.values()) if list(places.values()).count(p) > 1]
    if twice or len(places) < len(inputs):
        names = ", ".join(sorted(str(p) for p in twice)) or "the same input twice"
        detail = f"several inputs would be written to one place: {names}"
        raise ConfigError(Diagnostic("--output", "output", detail))
    return places


def _batch(codec: Codec, work: Work, places: dict[Path, Path], workers: int) -> dict[Path, Facts]:
    """All files, several at a time, or one in several windows at a time.

    What fails keeps no other from being done; then all failures are raised at once.
    """
    from neurodeploy.errors import NeurodeployError, raise_all
    from neurodeploy.zoo.codec.windows import one_thread

    failures: dict[Path, NeurodeployError] = {}

    def attempt(source: Path, target: Path, pool: Executor | None, progress: Progress) -> Facts:
        try:
            return work(codec, source, target, pool, progress)
        except NeurodeployError as error:
            failures[source] = error
            return {}

    with one_thread(), ThreadPoolExecutor(workers) as pool, _bars(places) as bars:
        if len(places) == 1:
            done = {a: attempt(a, b, pool, bars[a]) for a, b in places.items()}
        else:
            futures = {a: pool.submit(attempt, a, b, None, bars[a]) for a, b in places.items()}
            done = {a: future.result() for a, future in futures.items()}
    if failures:
        for path in (path for path, facts in done.items() if facts):
            say(f"wrote {places[path]}")
    raise_all([failures[path] for path in places if path in failures])
    return {places[path]: facts for path, facts in done.items()}


@contextmanager
def _bars(places: dict[Path, Path]) -> Iterator[dict[Path, Progress]]:
    """Progress of each file on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:

        def mover(task: TaskID) -> Callable[[float], None]:
            return lambda share: progress.update(task, completed=share)

        yield {path: mover(progress.add_task(path.name, total=1.0)) for path in places}


def _show_files(facts: dict[Path, Facts], as_json: bool) -> None:
    """One row a file, and a line on stderr for what was lost."""
    if as_json:
        show_json({str(path): found for path, found in facts.items()})
    else:
        keys = ("model", "seconds", "payload_bit_rate", "file_bit_rate", "file_bytes", "packets")
        rows = [[str(path), *(found[key] for key in keys)] for path, found in facts.items()]
        show_table("", ["file", "model", "s", "bit/s", "with headers", "bytes", "packets"], rows)
    for path, found in facts.items():
        if not found["header_intact"]:
            say(f"{path}: header damaged, its copy at the end was used")
        if not found["end_intact"]:
            say(f"{path}: no header at its end: cut off, or damaged there")
        if found["other_bytes"]:
            say(f"{path}: {found['other_bytes']} bytes are in no intact packet")
        for start, end in found["lost_s"]:
            say(f"{path}: lost {start:.2f} s to {end:.2f} s")
        if (end := found.get("written_s", found["seconds"])) < found["seconds"]:
            say(f"{path}: ends at {end:.2f} s of {found['seconds']:.2f} s")
