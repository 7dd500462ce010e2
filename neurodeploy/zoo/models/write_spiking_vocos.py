"""Write the chip's part of a trained `spiking_vocos_loihi` as the graph that compilers take.

    python -m neurodeploy.zoo.models.write_spiking_vocos RUN/spiking_vocos_loihi_small.safetensors
        --audio RECORDING ... --out FOLDER

FOLDER gets NAME.nir, its manifest NAME.toml and NAME_calibration.npz: levels (T, B, bands, 1) of
the recordings, each frame held for its steps, as the chip gets them.
"""

from __future__ import annotations

import argparse
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

import neurodeploy
from neurodeploy.errors import errors_as_lines
from neurodeploy.ir.nir_file import write_nir
from neurodeploy.zoo.audio.io import read_recording, resample
from neurodeploy.zoo.models.spiking_vocos_graph import to_graph
from neurodeploy.zoo.models.spiking_vocos_loihi import features_of, held, loihi_backbone
from neurodeploy.zoo.models.vocoders import load_vocoder
from neurodeploy.zoo.models.write_spiking_s4 import write_calibration

SECONDS = 3


@torch.no_grad()
def write_spiking_vocos(weights: Path, recordings: list[Path], out: Path) -> None:
    """All three files; raises what reading weights or recordings raises."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--audio", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write_spiking_vocos(given.weights, given.audio, given.out)


if __name__ == "__main__":
    with errors_as_lines():
        main()
