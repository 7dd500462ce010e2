"""Time of neural speech codecs on one core: ESC beside EnCodec and DAC, random weights.

    pip install --no-deps encodec descript-audio-codec einops
    python -m benchmarks.codecs [--repeats 3]

10 s of audio at 9 kbit/s, each codec at the rate of its speech model: EnCodec at 24 kHz with 12
codebooks (Defossez et al. 2022, arXiv:2210.13438), DAC at 16 kHz with 18, strides 2, 4, 5, 8, as
ESC's authors trained it beside theirs (Kumar et al. 2023, arXiv:2306.06546). Seconds are of the
processor, one thread, the least of the repeats; what is timed is samples to codes and codes to
samples in torch, the packages' own code. Of what those packages import, audio in and out is not
needed for that and stands empty where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.packages import stand_in
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.codec.weights import Codec
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import Esc

RESULT = Path(__file__).parent / "results" / "codecs.json"
SECONDS, KBPS, STREAMS = 10, 9.0, 6
Ways = tuple[int, Callable[[Tensor], Any], Callable[[Any], Tensor], nn.Module]


def esc(name: str, *, int8: bool = False) -> Ways:
    whole = CODECS[name]().eval()
    codec: Esc = Codec(name, whole).int8().network if int8 else whole

    def encode(x: Tensor) -> Tensor:
        return codec.encode(codec.spectrum(x), STREAMS)

    return 16_000, encode, lambda codes: codec.audio(codec.decode(codes)), whole


def encodec() -> Ways:
    stand_in("torchaudio")
    model = importlib.import_module("encodec").EncodecModel
    codec = model._get_model([KBPS, 24.0], sample_rate=24_000, name="random").eval()
    codec.set_target_bandwidth(KBPS)
    return 24_000, lambda x: codec.encode(x[:, None]), codec.decode, codec


def dac() -> Ways:
    stand_in("tqdm")
    audiotools = stand_in("audiotools", AudioSignal=object, STFTParams=object)
    audiotools.ml = stand_in("audiotools.ml", BaseModel=nn.Module)
    spec = importlib.util.find_spec("dac")
    assert spec is not None
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    for package in ("dac", "dac.model"):  # without their imports, training's and the command's
        place = root / Path(*package.split(".")[1:])
        stand_in(package, __path__=[str(place)])
    layers = importlib.import_module("dac.model.dac")
    strides = [2, 4, 5, 8]
    codec = layers.DAC(
        encoder_rates=strides,
        decoder_rates=strides[::-1],
        n_codebooks=18,
        sample_rate=16_000,
    ).eval()
    return 16_000, lambda x: codec.encode(x[:, None])[0], codec.decode, codec


@torch.no_grad()
def measure(ways: Ways, repeats: int) -> dict[str, float]:
    """Processor seconds of encoding and decoding, the least of the repeats after a first."""
    rate, encode, decode, network = ways
    audio = 0.1 * torch.randn(1, SECONDS * rate)
    spent: dict[str, list[float]] = {"encode_s": [], "decode_s": []}
    for _ in range(repeats + 1):
        started = time.process_time()
        codes = encode(audio)
        between = time.process_time()
        decode(codes)
        spent["encode_s"].append(between - started)
        spent["decode_s"].append(time.process_time() - between)
    rows = {way: round(min(seconds[1:]), 3) for way, seconds in spent.items()}
    return {"parameters": sum(p.numel() for p in network.parameters()), **rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    makers: dict[str, Callable[[], Ways]] = {
        "esc_tiny": lambda: esc("esc_tiny"),
        "esc_base": lambda: esc("esc_base"),
        "esc_base int8": lambda: esc("esc_base", int8=True),
        "esc_large": lambda: esc("esc_large"),
        "encodec": encodec,
        "dac": dac,
    }
    rows = {}
    for name, make in makers.items():
        rows[name] = measure(make(), given.repeats)
        print(f"{name:16}", rows[name], flush=True)
    found = {"seconds": SECONDS, "kbps": KBPS, "rows": rows, "run": to_json(provenance())}
    write_text(given.out, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
