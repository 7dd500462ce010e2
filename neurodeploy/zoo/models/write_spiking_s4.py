"""Write a trained `spiking_s4_loihi` as the graph that compilers take, with its calibration input.

    python -m neurodeploy.zoo.models.write_spiking_s4 RUN/spiking_s4_loihi.safetensors
        --corpus CORPUS --out FOLDER

FOLDER gets spiking_s4_loihi.nir, its manifest .toml, spiking_s4_loihi_calibration.npz: features
(T, B, bins, 1) of freely licensed mixtures of the validation set, whose voices and noises are in no
other set; their credits, .md; and .ndp, the integers of the graph on that input, in its own time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import neurodeploy
from neurodeploy.errors import ConfigError, Diagnostic, errors_as_lines
from neurodeploy.ir.files import write_program
from neurodeploy.ir.nir_file import write_nir
from neurodeploy.whole_files import write_text, write_whole
from neurodeploy.zoo.audio.log_levels import LogLevels
from neurodeploy.zoo.audio.stft import StftConfig, StreamingStft
from neurodeploy.zoo.data.credits import credits_of, is_free
from neurodeploy.zoo.data.manifest import MANIFEST, read_manifest
from neurodeploy.zoo.data.noisy_speech import NoisySpeechSpec, open_pool, render_pair
from neurodeploy.zoo.data.noisy_speech_sets import SETS, SNR_DB, draw_set
from neurodeploy.zoo.denoisers import calibration_beside, open_program
from neurodeploy.zoo.models.enhancers import load_enhancer
from neurodeploy.zoo.models.spiking_s4_graph import to_graph
from neurodeploy.zoo.models.spiking_s4_loihi import SpikingS4Loihi

NAME = "spiking_s4_loihi"
MIXTURES = 10
SECONDS = 4


def features(audio: npt.NDArray[np.float32], config: StftConfig) -> npt.NDArray[np.float64]:
    """(samples,) -> (T, bins), frame by frame as in a stream."""
    stream, hops = StreamingStft(config), audio[: audio.size // config.hop * config.hop]
    spectra = [stream.analyse(hop) for hop in hops.reshape(-1, config.hop)]
    return LogLevels().features(np.abs(np.stack(spectra)))


def calibration_mixtures(specs: Sequence[NoisySpeechSpec]) -> list[NoisySpeechSpec]:
    """Some of a set (`draw_set`): its voices evenly, its signal-to-noise ratios in turn."""
    ratios = len(SNR_DB)
    voices = [i * (len(specs) // ratios) // MIXTURES for i in range(MIXTURES)]
    return [specs[voice * ratios + i % ratios] for i, voice in enumerate(voices)]


def write_spiking_s4(weights: Path, corpus: Path, out: Path) -> None:
    """All five files; raises what reading weights or corpus raises."""
    model = load_enhancer(weights).double()
    network, config = model.network, model.stft.config
    if not isinstance(network, SpikingS4Loihi):
        detail = f"is {weights.stem}: only {NAME} becomes a graph"
        raise ConfigError(Diagnostic(str(weights), "enhancer-graph", detail))
    shape = [config.bins, 1]
    manifest = {
        "producer": f"neurodeploy {neurodeploy.__version__}, nir {metadata.version('nir')}",
        "source": "neurodeploy/zoo/models/spiking_s4_loihi.py:SpikingS4Loihi",
        "dt": config.dt,
        "discretisation": "forward_euler",
        "input_shape": shape,
    }
    write_nir(out / f"{NAME}.nir", to_graph(network, config.dt), manifest)
    pool = open_pool(corpus, "val", keep=is_free)
    specs = draw_set(pool, SETS["val"])
    chosen = calibration_mixtures(specs)
    size = SECONDS * 16_000
    pairs = [render_pair(spec, pool.load) for spec in chosen]
    levels = np.stack([features(p.noisy[:size], config) for p in pairs], axis=1)[..., None]
    write_calibration(out / f"{NAME}.nir", levels)
    known = {r.path: r for r in read_manifest(corpus / MANIFEST)}
    used = [known[e.path] for spec in chosen for e in (*spec.speech, *spec.noise)]
    title = f"Recordings whose features calibrate {NAME}"
    write_text(out / f"{NAME}_calibration.md", credits_of(title, used))
    write_program(out / f"{NAME}.ndp", open_program(out / f"{NAME}.nir", "cpu"))


def write_calibration(graph: Path, levels: npt.NDArray[np.floating[Any]]) -> None:
    """Features (T, B, bins, 1) where `open_program` looks for them, in float32: it holds them."""
    write_whole(
        calibration_beside(graph),
        lambda file: np.savez_compressed(file, input=levels.astype(np.float32)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write_spiking_s4(given.weights, given.corpus, given.out)


if __name__ == "__main__":
    with errors_as_lines():
        main()
