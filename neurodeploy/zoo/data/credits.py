"""Whose recordings stand behind features that are handed on."""

from __future__ import annotations

from collections.abc import Iterable

from neurodeploy.zoo.data.manifest import Recording

# Features of recordings under other licences stay out of what is handed on.
FREE_LICENCES = ("CC0-1.0", "CC-BY-3.0", "CC-BY-4.0")
SOURCES = (
    "LibriSpeech (c) 2014 Vassil Panayotov. ESC-10 by K. J. Piczak (2015), clips from "
    "freesound.org by their number. Asterisk core sounds: Carlo Flora (it), Maxim Topal / "
    "ivrvoice.ru (ru). Sonic Pi samples: CC0. The file holds features of their spectra, no audio."
)


def is_free(recording: Recording) -> bool:
    """Whether features of it may be handed on."""
    return recording.licence in FREE_LICENCES


def credits_of(title: str, used: Iterable[Recording]) -> str:
    """Markdown: each origin once, with its licence."""
    lines = sorted({f"- {r.source}, {r.origin}: {r.licence}" for r in used})
    return "\n".join([f"# {title}", "", *lines, "", SOURCES, ""])
