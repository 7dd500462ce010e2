"""Put trained enhancers where the package ships them.

    python -m neurodeploy.zoo.models.write_enhancers RUNS --corpus CORPUS --out exports

RUNS/NAME is the folder of `neurodeploy train NAME` and RUNS/NAME_2, where there is one, that of its
second stage. Of every network that has been trained there, OUT gets NAME.safetensors of its last
stage and NAME.metrics.json, that stage's metrics with the first's and the commands that repeat
them; of `spiking_s4_loihi` also graph, manifest, calibration and integers (`write_spiking_s4`), and
where RUNS/tuned holds them those of `zoo.train.tune_spiking_s4`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from neurodeploy.errors import DataError, Diagnostic, errors_as_lines
from neurodeploy.whole_files import write_text, write_whole
from neurodeploy.zoo.models.enhancers import load_enhancer
from neurodeploy.zoo.models.write_spiking_s4 import NAME as CHIP
from neurodeploy.zoo.models.write_spiking_s4 import write_spiking_s4

NETWORKS = ("spiking_s4", "s4_ann", CHIP, "sdnn_baseline")
PREPARE = "neurodeploy data prepare CORPUS --speech-folder LIBRISPEECH --noise-folder ESC10"
TUNED = (f"{CHIP}_tuned.ndp", f"{CHIP}_tuned.json")


def write_enhancers(runs: Path, corpus: Path, out: Path) -> Iterator[Path]:
    """What was written, file by file; raises DataError where nothing has been trained, and what
    reading weights or corpus raises."""
    trained = {name: stages for name in NETWORKS if (stages := _stages(runs, name))}
    if not trained:
        detail = f"holds none of {', '.join(f'{n}/{n}.safetensors' for n in NETWORKS)}"
        raise DataError(Diagnostic(str(runs), "runs-missing", detail, "neurodeploy train NAME"))
    for name, stages in trained.items():
        weights = runs / stages[-1] / f"{name}.safetensors"
        load_enhancer(weights)
        yield _copy(weights, out)
        metrics = [json.loads((runs / s / "metrics.json").read_text("utf-8")) for s in stages]
        facts = metrics[-1] | {"commands": [PREPARE, *_commands(name, stages)]}
        if len(stages) == 2:
            facts["first_stage"] = metrics[0]
        yield write_text(out / f"{name}.metrics.json", json.dumps(facts, indent=2) + "\n")
        if name == CHIP:
            write_spiking_s4(weights, corpus, out)
            yield out / f"{CHIP}.nir"
    for name in TUNED:
        if (runs / "tuned" / name).is_file():
            yield _copy(runs / "tuned" / name, out)


def _stages(runs: Path, name: str) -> list[str]:
    """The folders of a training's stages, as far as they are done."""
    folders = (name, f"{name}_2")
    return list(takewhile(lambda f: (runs / f / f"{name}.safetensors").is_file(), folders))


def _commands(name: str, stages: list[str]) -> list[str]:
    first = f"neurodeploy train {name} --corpus CORPUS -o RUNS/{name}"
    second = f"{first}_2 --start RUNS/{name}/{name}.safetensors"
    return [first, second][: len(stages)]


def _copy(source: Path, folder: Path) -> Path:
    return write_whole(folder / source.name, lambda partial: shutil.copyfile(source, partial))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    for path in write_enhancers(given.runs, given.corpus, given.out):
        print(path)


if __name__ == "__main__":
    with errors_as_lines():
        main()
