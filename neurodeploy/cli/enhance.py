"""`neurodeploy enhance`: noisy speech to clean speech, as a stream."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._audio import (
    RAW,
    chunks_of,
    kept,
    require_places,
    say_facts,
    send,
    shown,
    write_chunks,
    write_page,
)
from neurodeploy.cli._energy import chips_of
from neurodeploy.cli._show import say, show_json

if TYPE_CHECKING:
    from neurodeploy.bench.energy_records import SecondEnergy
    from neurodeploy.hardware import Hardware
    from neurodeploy.zoo.audio.io import Audio
    from neurodeploy.zoo.audio.stream import Enhancer


def command(
    recording: Path = typer.Argument(..., metavar="INPUT", help=f"wav, flac or ogg; {RAW}"),
    output: Path = typer.Option(..., "-o", "--output", help=f"wav, flac or ogg; {RAW}"),
    network: Path = typer.Option(
        Path("spiking_s4_loihi"),
        help="of exports/ by name; or a file: torch NAME.safetensors; cpu and lava .ndp, or .nir "
        "with NAME_calibration.npz beside it",
    ),
    backend: str = typer.Option("cpu", help="torch, cpu or lava"),
    hw: str = typer.Option(
        "loihi2,loihi2_full_load", help="of the energy estimate: names, comma-separated, or all"
    ),
    clean: Path | None = typer.Option(None, help="the clean recording, to measure quality against"),
    page: Path | None = typer.Option(None, help="HTML page: spectrograms, players, numbers"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Enhance speech, and tell the real-time factor, the latency and what the chip would do."""
    from neurodeploy.zoo.audio.io import read_audio
    from neurodeploy.zoo.audio.stream import Enhancer
    from neurodeploy.zoo.denoisers import open_denoiser

    _check_places(recording, output, page, clean, backend, as_json)
    chips = chips_of(hw)
    reference = None if clean is None else read_audio(clean)
    given = chunks_of(recording)  # before the network, whose compilation takes seconds
    enhancer = Enhancer(open_denoiser(network, backend))
    live = str(output) == "-"  # may go on for days: nothing is kept
    heard: list[Audio] = []
    written: list[Audio] = []
    samples, started = 0, time.perf_counter()
    given = shown(given, recording)
    for chunk in _enhanced(enhancer, given if live else kept(given, heard), backend):
        samples += chunk.size
        send(output, chunk)
        if not live:
            written.append(chunk)
    facts = _facts(enhancer, samples, time.perf_counter() - started, backend)
    _check_length(samples, clean, reference)
    energies = _energies(enhancer, chips)
    write_chunks(output, written)
    qualities = {} if reference is None else _qualities(heard, written, reference)
    if page is not None:
        versions = {"before": heard, "after": written}
        told = facts | _words(energies)
        write_page(page, recording.name, "Speech enhancement", versions, told, qualities)
    if as_json:
        show_json(facts | qualities | {"energy": [asdict(e) for e in energies]})
    else:
        for name, quality in qualities.items():
            say(f"{name:22} " + "  ".join(f"{k} {v:.3f}" for k, v in quality.items()))
        say_facts(facts | _words(energies))


def _check_places(
    recording: Path,
    output: Path,
    page: Path | None,
    clean: Path | None,
    backend: str,
    as_json: bool,
) -> None:
    from neurodeploy.errors import ConfigError, Diagnostic

    require_places([recording, *([clean] if clean else [])], output, page)
    problems = []
    if str(output) == "-" and (as_json or page or clean):
        detail = "- leaves no room for --json, --page or --clean"
        problems.append(Diagnostic("output", "stream", detail))
    if str(recording) == "-" and backend == "lava":
        problems.append(Diagnostic("input", "stream", "lava runs recordings as a whole"))
    if problems:
        raise ConfigError(problems)


def _enhanced(enhancer: Enhancer, chunks: Iterable[Audio], backend: str) -> Iterator[Audio]:
    """As a stream, but Lava, which runs recordings as a whole."""
    import numpy as np

    from neurodeploy.zoo.audio.stream import enhance_recording, enhance_stream

    if backend == "lava":
        return iter([enhance_recording(enhancer, np.concatenate(list(chunks)))])
    return enhance_stream(enhancer, chunks)


def _check_length(samples: int, clean: Path | None, reference: Audio | None) -> None:
    """DataError where nothing came; ConfigError for a clean recording of another length."""
    from neurodeploy.errors import ConfigError, DataError, Diagnostic

    if not samples:
        raise DataError(Diagnostic("input", "audio-too-short", "no samples came"))
    if reference is not None and reference.size != samples:
        detail = f"{reference.size} samples at 16 kHz, the input has {samples}"
        raise ConfigError(Diagnostic(str(clean), "length", detail))


def _facts(enhancer: Enhancer, samples: int, seconds: float, backend: str) -> dict[str, Any]:
    """What the run took, and what the chip would have done."""
    from neurodeploy.bench.enhancer_costs import stream_costs
    from neurodeploy.zoo.denoisers import CpuDenoiser

    length = samples / 16_000
    facts: dict[str, Any] = {
        "backend": backend,
        "audio_s": length,
        "processing_s": seconds,
        "real_time_factor": seconds / length if length else 0.0,
        "algorithmic_latency_s": enhancer.latency_s,
    }
    denoiser = enhancer.denoiser
    if isinstance(denoiser, CpuDenoiser) and length:
        facts |= stream_costs(denoiser)
    return facts


def _energies(enhancer: Enhancer, chips: list[Hardware]) -> list[SecondEnergy]:
    """Of the chip's integers, whose events were counted; placed on no cores."""
    from neurodeploy.bench.enhancer_energy import program_energy
    from neurodeploy.zoo.denoisers import CpuDenoiser

    denoiser = enhancer.denoiser
    if not isinstance(denoiser, CpuDenoiser) or not denoiser.counts().steps:
        return []
    return program_energy(denoiser.program, denoiser.counts(), chips, {})


def _words(energies: list[SecondEnergy]) -> dict[str, str]:
    """A line for each estimate: joules a second of audio, band, source, and what is left out."""
    from neurodeploy.report.text import band, si

    lines = {}
    for e in energies:
        words = "no price of its operations is published"
        if e.energy_j is not None:
            words = (
                f"{si(e.energy_j, 'J')} per second of audio ({band(e.low_j, e.high_j, 'J')}), "
                f"estimated from {'; '.join(e.sources)} ({e.evidence}); "
                f"without {'; '.join(e.missing)}"
            )
        lines[f"energy on {e.hardware}, {e.precision}, {e.model}"] = words
    return lines


def _qualities(
    heard: list[Audio], written: list[Audio], reference: Audio
) -> dict[str, dict[str, float]]:
    """All metrics before and after."""
    import numpy as np

    from neurodeploy.bench.enhancement_scores import quality

    before, after = np.concatenate(heard), np.concatenate(written)
    return {"before": quality(before, reference), "after": quality(after, reference)}
