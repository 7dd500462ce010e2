"""The zoo's codecs by name, untrained.

esc_base, esc_large  as published
esc_tiny             what one core trains in an hour
spiking_esc_tiny     its counterpart whose encoder's matrices see spikes, T = 2; t1, t4: other T
"""

from __future__ import annotations

from collections.abc import Callable

from neurodeploy.zoo.models.esc import Esc, esc_base, esc_large, esc_tiny
from neurodeploy.zoo.models.spiking_esc import spiking_esc_tiny

CODECS: dict[str, Callable[[], Esc]] = {
    "esc_base": esc_base,
    "esc_large": esc_large,
    "esc_tiny": esc_tiny,
    "spiking_esc_tiny": spiking_esc_tiny,
    "spiking_esc_t1": lambda: spiking_esc_tiny(1),
    "spiking_esc_t4": lambda: spiking_esc_tiny(4),
}
