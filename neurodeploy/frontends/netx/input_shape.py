"""The shape of an input that a netx file does not state, from the first layer behind it."""

from __future__ import annotations

from math import prod

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.frontends.netx.section import Section


def lost_input_shape(layers: list[Section]) -> tuple[int, ...]:
    """(N,) before a dense layer, (C, H, W) before a convolution of stride 1.

    Raises ConfigError where several shapes would do.
    """
    layer = layers[0]
    kind = layer.text("type")
    if kind in ("dense", "dense_rec"):
        targets = prod(layer.shape()) if "shape" in layer else 1
        weights = layer.numbers("weight")
        return (weights.shape[1] if weights.ndim == 2 else weights.size // targets,)
    stride = layer.pair("stride", 1)
    if kind == "conv" and stride == (1, 1) and "shape" in layer and len(layer.shape()) == 3:
        weights = layer.numbers("weight")
        if weights.ndim >= 4:
            padding, dilation = layer.pair("padding", 0), layer.pair("dilation", 1)
            size = [
                n - 1 + d * (k - 1) + 1 - 2 * p
                for n, k, p, d in zip(
                    layer.shape()[1:], weights.shape[2:4], padding, dilation, strict=True
                )
            ]
            return (weights.shape[1] * layer.integer("groups", 1), *size)
    detail = f"{layer.where}: nothing says how large the input of this {kind} layer is"
    hint = "nd.read_netx(..., input_shape=(C, H, W)); nd.write_netx makes a file that states it"
    raise ConfigError(Diagnostic("input_shape", "missing", detail, hint))
