"""`neurodeploy vocode`: speech from mel spectra, of a recording or as they are, as a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._audio import (
    chunks_of,
    kept,
    require_length,
    require_places,
    say_facts,
    send,
    write_chunks,
    write_page,
)
from neurodeploy.cli._show import show_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from neurodeploy.zoo.audio.io import Audio
    from neurodeploy.zoo.vocoder_stream import SpeechStream

BACKENDS = ("torch", "cpu", "lava")
LOUDEST = 30.0  # nepers
RAW = "-: raw 16-bit little-endian mono at the network's rate"


def command(
    source: Path = typer.Argument(
        ...,
        metavar="INPUT",
        help=f"wav, flac or ogg; .npy or .npz (key input) with log-mel frames (L, bands); {RAW}",
    ),
    output: Path = typer.Option(..., "-o", "--output", help=f"wav, flac or ogg; {RAW}"),
    network: Path | None = typer.Option(
        None,
        help="NAME.safetensors of `neurodeploy train`; shipped: spiking_vocos_small, of a chip's "
        "backend spiking_vocos_loihi_small's integers",
    ),
    backend: str = typer.Option(
        "torch", help="torch; cpu or lava: spiking_vocos_loihi's integers, of NAME.ndp or NAME.nir"
    ),
    page: Path | None = typer.Option(None, help="HTML page: spectrograms, players, numbers"),
    quality: bool = typer.Option(False, "--quality", help="PESQ, STOI and distances of spectra"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Speak mel spectra, and tell the real-time factor and the latency."""
    _check_places(source, output, page, quality, as_json)
    _check_backend(backend)
    stream = _opened(network, backend)
    live = str(output) == "-"  # may go on for days: nothing is kept
    rate = stream.config.mel.sample_rate
    heard: list[Audio] = []
    written: list[Audio] = []
    started, samples = time.perf_counter(), 0
    for chunk in _spoken(stream, source, None if live else heard):
        send(output, chunk)
        samples += chunk.size
        if not live:
            written.append(chunk)
    require_length(samples, rate, f"speech made of {source}")
    facts = {"backend": backend} | _facts(stream, samples, time.perf_counter() - started)
    write_chunks(output, written, rate)
    qualities = {"vocoded": _quality(heard, written, rate)} if quality else {}
    if page is not None:
        versions = {"recording": heard} if heard else {}
        versions["vocoded"] = written
        write_page(page, source.name, "Vocoding", versions, facts, qualities, rate)
    if as_json:
        show_json(facts | qualities)
    else:
        say_facts(facts | qualities.get("vocoded", {}))


def _opened(network: Path | None, backend: str) -> SpeechStream:
    from neurodeploy.errors import ConfigError, Diagnostic
    from neurodeploy.resources import resource
    from neurodeploy.zoo.chip_vocoder import open_chip_vocoder
    from neurodeploy.zoo.models.spiking_vocos_loihi import LoihiBackbone
    from neurodeploy.zoo.models.vocoders import load_vocoder
    from neurodeploy.zoo.vocoder_stream import VocoderStream

    shipped = "spiking_vocos_small" if backend == "torch" else "spiking_vocos_loihi_small"
    network = network or resource("exports", f"{shipped}.safetensors")
    vocoder = load_vocoder(network)
    if backend == "torch":
        if isinstance(vocoder.backbone, LoihiBackbone):
            detail = "its backbone is a chip's, which torch does not stream"
            raise ConfigError(Diagnostic(str(network), "vocoder-chip", detail, "--backend cpu"))
        return VocoderStream(vocoder)
    return open_chip_vocoder(vocoder, network, backend)


def _check_backend(backend: str) -> None:
    from neurodeploy.errors import ConfigError, Diagnostic

    if backend not in BACKENDS:
        raise ConfigError(Diagnostic("--backend", "unknown", f"{backend!r}: {', '.join(BACKENDS)}"))


def _check_places(
    source: Path, output: Path, page: Path | None, quality: bool, as_json: bool
) -> None:
    from neurodeploy.errors import ConfigError, Diagnostic

    require_places([source], output, page)
    problems = []
    if str(output) == "-" and (as_json or page or quality):
        detail = "- leaves no room for --json, --page or --quality"
        problems.append(Diagnostic("output", "stream", detail))
    if quality and _is_mel(source):
        detail = "mel spectra have no recording to compare with"
        problems.append(Diagnostic("--quality", "input", detail))
    if problems:
        raise ConfigError(problems)


def _is_mel(source: Path) -> bool:
    return source.suffix in (".npy", ".npz")


def _spoken(stream: SpeechStream, source: Path, heard: list[Audio] | None) -> Iterator[Audio]:
    """Speech of the source; `heard`, if given, gets what a recording holds."""
    from neurodeploy.zoo.vocoder_stream import vocode_mel, vocode_stream

    if _is_mel(source):
        return vocode_mel(stream, _mel(source, stream.config.mel.bands))
    rate = stream.config.mel.sample_rate
    chunks = chunks_of(source, rate)
    return vocode_stream(stream, chunks if heard is None else kept(chunks, heard))


def _mel(source: Path, bands: int) -> npt.NDArray[np.floating[Any]]:
    """Log-mel frames (L, bands) of a file; DataError for another shape or other values."""
    import numpy as np

    from neurodeploy.errors import DataError, Diagnostic
    from neurodeploy.ir.input_files import read_input

    mel = read_input(source)
    if mel.ndim != 2 or mel.shape[1] != bands or not len(mel):
        detail = f"shape {mel.shape}, expected (frames, {bands}): log-mel, frame after frame"
        raise DataError(Diagnostic(str(source), "mel-shape", detail))
    if np.iscomplexobj(mel) or not (np.abs(mel) <= LOUDEST).all():
        detail = f"values that are no natural logarithms of mel bands: finite, within {LOUDEST:g}"
        raise DataError(Diagnostic(str(source), "mel-values", detail))
    return mel


def _facts(stream: SpeechStream, samples: int, seconds: float) -> dict[str, Any]:
    length = samples / stream.config.mel.sample_rate
    return {
        "audio_s": length,
        "processing_s": seconds,
        "real_time_factor": seconds / length if length else 0.0,
        "algorithmic_latency_s": stream.latency_s,
    }


def _quality(heard: list[Audio], written: list[Audio], rate: int) -> dict[str, float]:
    """All metrics but those of optional networks, of both at 16 kHz."""
    from neurodeploy.bench.vocoding import METRIC_OF
    from neurodeploy.bench.vocoding import quality as measured
    from neurodeploy.cli._audio import joined
    from neurodeploy.zoo.audio.io import resample

    made, clean = joined(written), joined(heard)
    return measured(resample(made, rate), resample(clean[: made.size], rate), [*METRIC_OF])
