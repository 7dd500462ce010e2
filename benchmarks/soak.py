"""Random Programs on the compiled backend and on Lava: every integer of every state and message.

    python -m benchmarks.soak --programs 20000                     # Lava's models, a thread each
    python -m benchmarks.soak --programs 1000 --route processes    # Lava as it is, with its runtime

Programs are seeds, so a difference can be repeated and a run continued (--first). What was found
is written after each chunk. Exit code 1 if an integer differs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.backends import cpu, lava
from neurodeploy.backends.lava.limits import check_ranges
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.errors import QuantizationError
from neurodeploy.ir.inputs import padded
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.whole_files import write_whole
from tests.property.random_programs import random_inputs, random_program

Array = np.ndarray[Any, np.dtype[Any]]
Simulator = Callable[[Program, dict[str, Array], tuple[str, ...]], dict[str, Array]]
STEPS = 20
CHUNK = 500  # programs a process: Lava keeps what it has built
RESULT = Path(__file__).parent / "results" / "soak.json"


def soak_chunk(task: tuple[str, int, int]) -> dict[str, Any]:
    """What was found for the seeds first .. stop on a route."""
    route, first, stop = task
    warnings.simplefilter("ignore")
    found: Counter[str] = Counter()
    different = []
    with contextlib.ExitStack() as stack:
        if route == "threads":
            simulator: Simulator = _threads
        else:
            simulator = _runtime(stack.enter_context(lava.Session()))
        for seed in range(first, stop):
            if not _compare(seed, simulator, found):
                different.append(seed)
    return {"counts": dict(found), "different_seeds": different}


def _compare(seed: int, simulator: Simulator, found: Counter[str]) -> bool:
    """Whether all integers of this seed's Program are the same; counts them into `found`."""
    program = random_program(seed)
    x = random_inputs(seed, program, STEPS, 1)
    ours = cpu.run(program, x, probe="all")
    given = {name: padded(values, ours.steps)[:, 0] for name, values in x.items()}
    states = {key: values[:, 0] for key, values in ours.states.items()}
    sends = {n.name: f"{n.name}/{NEURON_MODELS[n.model].sends}" for n in program.neurons}
    try:
        sent = {**given, **{name: states[key] for name, key in sends.items()}}
        check_ranges(program, sent, ours.steps)
    except QuantizationError:
        found["beyond Lava's int32"] += 1
        return True
    theirs = simulator(program, given, tuple(states))
    differing = sum(int((v != theirs[k].reshape(v.shape)).sum()) for k, v in states.items())
    found["programs"] += 1
    found["steps"] += ours.steps
    found["integers"] += sum(v.size for v in states.values())
    found["differing"] += differing
    found.update(f"model {n.model}" for n in program.neurons)
    found.update(f"synapse {s.kind}" for s in program.synapses)
    return differing == 0


def _threads(program: Program, given: dict[str, Array], keys: tuple[str, ...]) -> dict[str, Array]:
    from benchmarks import lava_threads

    rows = {name: values.reshape(len(values), -1) for name, values in given.items()}
    return lava_threads.run(program, rows, keys)


def _runtime(session: lava.Session) -> Simulator:
    def simulate(
        program: Program, given: dict[str, Array], keys: tuple[str, ...]
    ) -> dict[str, Array]:
        x = {name: values[:STEPS, None] for name, values in given.items()}
        trace = lava.run(program, x, probe=keys, session=session, route="processes")
        return {key: values[:, 0] for key, values in trace.states.items()}

    return simulate


def soak(route: str, first: int, programs: int, workers: int, output: Path) -> dict[str, Any]:
    """Compares until `programs` have run; writes what was found into `output`."""
    record: dict[str, Any] = {"route": route, "first_seed": first, "different_seeds": []}
    total: Counter[str] = Counter()
    begin = time.monotonic()
    spawned = multiprocessing.get_context("spawn")
    with spawned.Pool(workers, maxtasksperchild=1) as pool:
        size = min(CHUNK, programs)
        tasks = ((route, seed, seed + size) for seed in range(first, first + 2 * programs, size))
        for found in pool.imap(soak_chunk, tasks):
            first += size
            total.update(found["counts"])
            record["different_seeds"] += found["different_seeds"]
            record.update(end_seed=first, counts=dict(sorted(total.items())))
            record.update(seconds=round(time.monotonic() - begin, 1), run=to_json(provenance()))
            _write(output, record)
            print(f"{route}: {total['programs']} programs", file=sys.stderr, flush=True)
            if total["programs"] >= programs:
                break
    return record


def _write(output: Path, record: dict[str, Any]) -> None:
    """Into the list of runs, in place of one of the same route and first seed."""
    runs = json.loads(output.read_text(encoding="utf-8")) if output.exists() else []
    same = (record["route"], record["first_seed"])
    kept = [run for run in runs if (run["route"], run["first_seed"]) != same]
    output.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([*kept, record], indent=1) + "\n"
    write_whole(output, lambda partial: partial.write_text(text, encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=int, default=20000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--route", choices=("threads", "processes"), default="threads")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    found = soak(options.route, options.first, options.programs, options.workers, options.output)
    print(json.dumps(found, indent=1))
    sys.exit(1 if found["different_seeds"] else 0)


if __name__ == "__main__":
    main()
