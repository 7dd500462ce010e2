"""Write the chip's part of a trained `spiking_vocos_loihi` as the graph that compilers take.

    python -m neurodeploy.zoo.models.write_spiking_vocos RUN/spiking_vocos_loihi_small.safetensors
        (--corpus CORPUS | --audio RECORDING ...) --out FOLDER

FOLDER gets NAME.nir, its manifest NAME.toml and NAME_calibration.npz: levels (T, B, bands, 1) of
the recordings, each frame held for its steps, as the chip gets them; and NAME.ndp, the integers for
Loihi 2 that they make of it. Of a corpus it is 3 s of each of ten validation voices whose
licence lets them be handed on, credited in NAME_calibration.md.
"""

from __future__ import annotations

import argparse
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

import neurodeploy
from neurodeploy.errors import errors_as_lines
from neurodeploy.ir.files import write_program
from neurodeploy.ir.nir_file import write_nir
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.io import SAMPLE_RATE, read_recording, resample
from neurodeploy.zoo.data.credits import credits_of, is_free
from neurodeploy.zoo.data.manifest import Recording
from neurodeploy.zoo.data.speech import open_speech
from neurodeploy.zoo.denoisers import open_program
from neurodeploy.zoo.models.spiking_vocos_graph import to_graph
from neurodeploy.zoo.models.spiking_vocos_loihi import features_of, held, loihi_backbone
from neurodeploy.zoo.models.vocoders import load_vocoder
from neurodeploy.zoo.models.write_spiking_s4 import write_calibration

SECONDS = 3
RECORDINGS = 10


def of_corpus(corpus: Path) -> tuple[list[Path], list[Recording]]:
    """Files that calibrate, each of another validation voice, and where they come from."""
    speech = [r for r in open_speech(corpus, "val").recordings if is_free(r) and _is_long(r)]
    voices = list({(r.source, r.origin): r for r in reversed(speech)}.values())[::-1]
    chosen = voices[:: max(1, len(voices) // RECORDINGS)][:RECORDINGS]
    return [corpus / r.path for r in chosen], chosen


def _is_long(recording: Recording) -> bool:
    return recording.samples >= SECONDS * SAMPLE_RATE


@torch.no_grad()
def write_spiking_vocos(weights: Path, recordings: list[Path], out: Path) -> None:
    """All files but the credits; raises what reading weights or recordings raises."""
    name = weights.stem
    vocoder = load_vocoder(weights).double()
    backbone = loihi_backbone(vocoder)
    config = backbone.chip.config
    rate = config.mel.sample_rate
    heard = (resample(*read_recording(path), rate) for path in recordings)
    audio = np.stack([np.resize(x, SECONDS * rate) for x in heard])
    features = features_of(vocoder.features(torch.from_numpy(audio).double()))
    manifest = {
        "producer": f"neurodeploy {neurodeploy.__version__}, nir {metadata.version('nir')}",
        "source": f"neurodeploy/zoo/models/vocoders.py:VOCODERS[{name!r}]",
        "dt": config.dt,
        "discretisation": "forward_euler",
        "input_shape": [config.mel.bands, 1],
    }
    write_nir(out / f"{name}.nir", to_graph(backbone.chip), manifest)
    write_calibration(out / f"{name}.nir", held(features, config.steps).numpy())
    write_program(out / f"{name}.ndp", open_program(out / f"{name}.nir", "cpu"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path)
    speech = parser.add_mutually_exclusive_group(required=True)
    speech.add_argument("--corpus", type=Path)
    speech.add_argument("--audio", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.corpus is None:
        write_spiking_vocos(given.weights, given.audio, given.out)
        return
    files, used = of_corpus(given.corpus)
    write_spiking_vocos(given.weights, files, given.out)
    name = given.weights.stem
    title = f"Recordings whose features calibrate {name}"
    write_text(given.out / f"{name}_calibration.md", credits_of(title, used))


if __name__ == "__main__":
    with errors_as_lines():
        main()
