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
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.ir.nir_file import write_nir
from neurodeploy.whole_files import write_whole
from neurodeploy.zoo.audio.io import read_recording, resample
from neurodeploy.zoo.models.spiking_vocos_graph import to_graph
from neurodeploy.zoo.models.spiking_vocos_loihi import LoihiBackbone, features_of
from neurodeploy.zoo.models.vocoders import VOCODERS
from neurodeploy.zoo.train.checkpoint import load_weights

SECONDS = 3


@torch.no_grad()
def write_spiking_vocos(weights: Path, recordings: list[Path], out: Path) -> None:
    """All three files; raises what reading weights or recordings raises."""
    name = weights.stem
    if name not in VOCODERS or not isinstance(
        (vocoder := VOCODERS[name]()).backbone, LoihiBackbone
    ):
        detail = "the file is not named after a deployable vocoder"
        raise ConfigError(Diagnostic(str(weights), "vocoder-unknown", detail))
    load_weights(weights, vocoder)
    backbone = vocoder.double().eval().backbone
    assert isinstance(backbone, LoihiBackbone)
    config = backbone.chip.config
    rate = config.mel.sample_rate
    heard = (resample(*read_recording(path), rate) for path in recordings)
    audio = np.stack([np.resize(x, SECONDS * rate) for x in heard])
    held = features_of(vocoder.features(torch.from_numpy(audio).double())).permute(2, 0, 1)
    levels = held.repeat_interleave(config.steps, dim=0)[..., None].float().numpy()
    manifest = {
        "producer": f"neurodeploy {neurodeploy.__version__}, nir {metadata.version('nir')}",
        "source": f"neurodeploy/zoo/models/vocoders.py:VOCODERS[{name!r}]",
        "dt": config.dt,
        "discretisation": "forward_euler",
        "input_shape": [config.mel.bands, 1],
    }
    write_nir(out / f"{name}.nir", to_graph(backbone.chip), manifest)
    write_whole(
        out / f"{name}_calibration.npz", lambda file: np.savez_compressed(file, input=levels)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--audio", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write_spiking_vocos(given.weights, given.audio, given.out)


if __name__ == "__main__":
    main()
