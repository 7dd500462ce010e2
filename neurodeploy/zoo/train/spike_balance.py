"""Where the neurons of a codec with its twin's weights begin: at thresholds that fit its values.

For each layer of neurons the gain g and the height h for which h mean_t PLIF(g x) is nearest, in
the mean square, to what x says without spikes; x is what the twin's weights make of speech there.
h goes into what takes the spikes: a matrix, the sharpness of attention, the next neurons' gain.
(Thresholds balanced by data: Diehl et al. 2015, doi 10.1109/IJCNN.2015.7280696, who take maxima.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.models.spiking_esc import Spikes, SpikingSwinBlock, bypassed

GAINS = torch.logspace(-1.0, 1.0, 21)  # tried, of inputs whose root mean square is 2
VALUES = 20_000  # of a layer


@torch.no_grad()
def balance(codec: Esc, spectrum: Tensor) -> None:
    """Set the encoder's gains and what takes its spikes, by one batch (B, 2, bins, frames)."""
    seen: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, args: tuple[Tensor], out: Tensor) -> None:
        flat = args[0][0].flatten()
        seen[module] = flat[:: max(1, flat.numel() // VALUES)]

    layers = [m for m in codec.encoder.modules() if isinstance(m, Spikes)]
    handles = [layer.register_forward_hook(keep) for layer in layers]
    with bypassed(codec):
        codec.encoder(spectrum)
    for handle in handles:
        handle.remove()
    for block in codec.encoder.modules():
        if isinstance(block, SpikingSwinBlock):
            _balance_block(block, seen)


def _balance_block(block: SpikingSwinBlock, seen: dict[nn.Module, Tensor]) -> None:
    layers = [m for m in block.modules() if isinstance(m, Spikes)]
    heights: dict[nn.Module, Tensor] = {m: fit(m, seen[m], block.steps) for m in layers}
    a, (expand, rectify, project) = block.attention, block.mlp
    assert isinstance(expand, nn.Linear)
    assert isinstance(project, nn.Linear)
    a.qkv.weight.mul_(heights[a.fire_in])
    a.sharpness.mul_(heights[a.fire_q] * heights[a.fire_k])
    a.fire_out.gain.mul_(heights[a.fire_v])
    a.out.weight.mul_(heights[a.fire_out])
    expand.weight.mul_(heights[block.fire])
    project.weight.mul_(heights[rectify])


def fit(layer: Spikes, x: Tensor, steps: int) -> Tensor:
    """Set the layer's gain; the height of its spikes."""
    meant = layer.meaning(x)
    size = x.square().mean().sqrt().clamp(min=1e-12)
    best, least = (layer.gain.clone(), torch.ones_like(size)), float("inf")
    for gain in 2.0 * GAINS.to(x) / size:
        layer.gain.copy_(gain)
        mean = layer(x.expand(steps, -1)).mean(0)
        height = (meant @ mean) / (mean @ mean).clamp(min=1e-12)
        error = (meant - height * mean).square().mean().item()
        if height > 0 and error < least:
            best, least = (gain, height), error
    layer.gain.copy_(best[0])
    return best[1]
