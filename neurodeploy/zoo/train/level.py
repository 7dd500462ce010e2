"""The level of an enhancer's output, which a scale-invariant loss leaves open.

The gain g that minimises |g e - s|^2 over the validation mixtures goes into the mask, exactly:

    g relu(1 + o) = relu(1 + o'),  o' = g o + (g - 1)

where o is linear in the decoder's weights and bias. SI-SNR stays what it was.
"""

from __future__ import annotations

import torch
from torch import nn

from neurodeploy.zoo.data.noisy_speech import Pair
from neurodeploy.zoo.models.masking import MaskEnhancer


@torch.no_grad()
def match_level(model: MaskEnhancer, pairs: list[Pair]) -> float:
    """Scale the mask of a network with `decoder`, in place; the gain, 1 where there is none: no
    decoder, or nothing comes out, or its opposite."""
    decoder = getattr(model.network, "decoder", None)
    if not isinstance(decoder, nn.Linear):
        return 1.0
    device = decoder.weight.device
    overlap = power = 0.0
    for pair in pairs:
        enhanced = model(torch.from_numpy(pair.noisy[None]).to(device)).audio[0].cpu().double()
        clean = torch.from_numpy(pair.clean).double()
        overlap += float(enhanced @ clean)
        power += float(enhanced @ enhanced)
    if overlap <= 0.0:
        return 1.0
    gain = overlap / power
    decoder.weight.mul_(gain)
    readout_gain = float(getattr(model.network, "readout_gain", 1.0))
    decoder.bias.mul_(gain).add_((gain - 1.0) / readout_gain)
    return gain
