"""Build exports/clips from the corpus: `python -m neurodeploy.zoo.data.make_clips CORPUS OUT`.

Only recordings that may be redistributed, and only from the test split: CC BY voices, CC0 noises.
The corpus must hold LibriSpeech (the 20 speakers of its test folder), ESC-10 and the packages.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from neurodeploy.errors import DataError, Diagnostic, errors_as_lines
from neurodeploy.zoo.audio.io import write_flac
from neurodeploy.zoo.data.labels import segments
from neurodeploy.zoo.data.manifest import MANIFEST, Recording, read_manifest
from neurodeploy.zoo.data.mixing import Load, MixtureSpec, draw_mixture, render
from neurodeploy.zoo.data.vad_sets import corpus_loader

SECONDS = 3.6
LEVEL_DB = -24.0


@dataclasses.dataclass(frozen=True)
class ClipPlan:
    """Who speaks over what, and how loud the noise is."""

    voice: str  # origin of the speech in the manifest
    noise: str  # origin of the noise in the manifest
    snr_db: float
    noise_title: str  # what the recording is called where it was published, and by whom


# voice, noise, SNR, the noise's title and author
_PLANS = """
librispeech-1355 | freesound-194892    | 20 | "lo-fi-rain-and-thunder.wav" by arseniiv
librispeech-211  | freesound-208810    | 15 | "sea waves atmo.wav" by monotraum
ivrvoice         | freesound-189212    | 15 | "Burning Fire" by Vurca
librispeech-4018 | freesound-210571    | 10 | "wall_clock.wav" by Sclolex
librispeech-78   | sonicpi-loop_garzul | 10 | "loop_garzul.flac" of Sonic Pi
librispeech-8580 | freesound-191131    | 5  | "helicopter and thunder" by yacou
ivrvoice         | freesound-202898    | 5  | "EXT_RainInPuddle.wav" by jongrubbs
librispeech-6415 | freesound-208030    | 0  | "Chihuahua Barks" by Mewsel
librispeech-254  | freesound-222524    | 0  | "wood chipper and chainsaw" by Darrenlibrarian
librispeech-83   | freesound-205898    | -5 | "Helicopter Flight recorded from inside" by Spankous
"""


def _plans() -> list[ClipPlan]:
    rows = [[cell.strip() for cell in line.split("|")] for line in _PLANS.strip().splitlines()]
    return [ClipPlan(voice, noise, float(snr), title) for voice, noise, snr, title in rows]


VOICES = {
    "librispeech": ("LibriSpeech (c) 2014 Vassil Panayotov, speaker {id}", "CC-BY-4.0"),
    "ivrvoice": ("Asterisk core sounds (ru), provided by Maxim Topal, ivrvoice.ru", "CC-BY-3.0"),
}


def _credit(plan: ClipPlan) -> tuple[str, str, str]:
    name, _, number = plan.voice.partition("-")
    speech, licence = VOICES[name]
    place = "ESC-10, freesound.org sound " + plan.noise.removeprefix("freesound-")
    if plan.noise.startswith("sonicpi"):
        place = "sonic-pi-samples"
    return speech.format(id=number), f"{plan.noise_title} ({place}), CC0-1.0", licence


def _draw(plan: ClipPlan, seed: int, recordings: Sequence[Recording], load: Load) -> MixtureSpec:
    """The first draw whose share of speech lies between a third and three quarters."""
    for attempt in range(1000):
        spec = draw_mixture(recordings, 9_000_000 + 1000 * seed + attempt, SECONDS)
        spec = dataclasses.replace(spec, snr_db=plan.snr_db, level_db=LEVEL_DB)
        if spec.speech and 0.35 < render(spec, load).labels.mean() < 0.75:
            return spec
    raise DataError(Diagnostic(plan.voice, "clip-draw", "too little speech in these recordings"))


def make_clips(corpus: Path, out: Path) -> None:
    """Write the clips, clips.toml and ATTRIBUTION.md into `out`."""
    test = [r for r in read_manifest(corpus / MANIFEST) if r.split == "test"]
    load = corpus_loader(corpus)
    table, credits = [], []
    for number, plan in enumerate(_plans()):
        recordings = [
            r for r in test if r.origin == (plan.voice if r.kind == "speech" else plan.noise)
        ]
        mixture = render(_draw(plan, number, recordings, load), load)
        speech, noise, licence = _credit(plan)
        file = f"{number:02d}_{plan.voice.replace('-', '')}_{plan.snr_db:+.0f}dB.flac"
        write_flac(out / file, mixture.audio)
        runs = ", ".join(f"[{a:.2f}, {b:.2f}]" for a, b in segments(mixture.labels))
        fields = {"speech": speech, "noise": noise, "licence": licence}
        quoted = "".join(f"{k} = '{v}'\n" for k, v in fields.items())
        table.append(
            f"[[clip]]\nfile = '{file}'\nsnr_db = {plan.snr_db}\nsegments = [{runs}]\n{quoted}"
        )
        credits.append(f"| {file} | {speech}, {licence} | {noise} |")
    (out / "clips.toml").write_text(_TABLE_HEAD + "\n" + "\n".join(table), encoding="utf-8")
    (out / "ATTRIBUTION.md").write_text(_CREDITS_HEAD + "\n".join(credits) + "\n", encoding="utf-8")


_TABLE_HEAD = (
    "# Speech in noise, 16 kHz mono; segments: speech from the clean track, in seconds.\n"
    "# Made by: python -m neurodeploy.zoo.data.make_clips CORPUS exports/clips\n"
)
_CREDITS_HEAD = f"""# Attribution of the recordings in this folder

Each file is a {SECONDS} s mixture of excerpts of one voice and one noise, changed in level, added,
and stored as 16 kHz 16 bit FLAC. A mixture is distributed under the licence of its voice; the
noises are dedicated to the public domain (CC0 1.0).

Licences: [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/),
[CC BY 3.0](https://creativecommons.org/licenses/by/3.0/),
[CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/).
ESC-10 (K. J. Piczak, 2015, CC BY 3.0) collected the freesound.org recordings; LibriSpeech is the
excerpt that the Resemblyzer repository selected.

| file | voice | noise |
| --- | --- | --- |
"""


def main() -> None:
    """Command line: CORPUS OUT."""
    parser = argparse.ArgumentParser(description="Build the shipped recordings.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    make_clips(args.corpus, args.out)


if __name__ == "__main__":
    with errors_as_lines():
        main()
