"""A netx file for each part of the format and each of its options."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.conformance.netx_table.files import (
    CUBA,
    EVEN,
    FLATTEN,
    IMAGE,
    KERNEL,
    LINE,
    READ_OUT,
    SDNN,
    SDNN_INPUT,
    SQUARE,
    Tree,
    conv,
    dense,
    pool,
    recurrent,
)


@dataclass(frozen=True)
class Example:
    """slayer: the network of slayer_networks.py that checks a file which lava-dl cannot load, or
    loads as something else; files without are run by lava-dl's Network on Lava."""

    part: str
    option: str
    layers: list[Tree]
    becomes: str = ""
    slayer: str = ""


SQUARE_IMAGE: Tree = {**IMAGE, "shape": [2, 4, 4]}
CUBA_INPUT: Tree = {**LINE, "neuron": CUBA, "weight": [40.0], "bias": [12.0]}
LOIHI = {**CUBA, "type": "LOIHI", "theta": 5120, "wgtExp": 0, "scaleRho": 1.0, "tauRho": 0.5}
PIXELS = np.arange(-100, 100, 5).reshape(1, 40) // 2 * 2
GROUPED = {"weight": KERNEL[:, :1], "groups": 2, "stride": [2, 1], "padding": [1, 0]}


def _inputs() -> tuple[Example, ...]:
    spikes = "a port of spikes, or of `input_message_bits`"
    return (
        Example("input", "without neurons", [LINE, dense()], spikes),
        Example("input", "missing", [dense()], "its shape follows from the first layer's weights"),
        Example("input", "CUBA", [CUBA_INPUT, dense()], "x weight + bias, a step, `cuba_lif`"),
        Example("input", "CUBA, negative weight", [{**CUBA_INPUT, "weight": [-40.0]}, dense()]),
        Example("input", "SDNN", [SDNN_INPUT, dense(SDNN)], "x weight, a step, `delta`"),
        Example("input", "SDNN with a bias", [{**SDNN_INPUT, "bias": [3.0]}, dense(SDNN)]),
    )


def _dense() -> tuple[Example, ...]:
    odd, full = [[3, -5, 0], [1, 7, -1]], [[253, -5, 0], [1, 7, -1]]
    narrow = EVEN[:, :2]
    delayed = [
        LINE,
        dense(delay=[2.0, 5.0]),
        dense(shape=[3], weight=EVEN.T, delay=[0.0, 3.0]),
        dense(delay=[[1, 2, 1], [0, 0, 4]]),
    ]
    read_out = "`integrator`, whose output is the membrane"
    loader = "weights as lava-dl's loader and Lava leave them"
    complex_weights = {"real": EVEN, "imag": EVEN}
    return (
        Example("dense", "bias", [LINE, dense(bias=[4.0, -6.0])], loader),
        Example("dense", "odd weights of both signs", [LINE, dense(weight=odd)], "a `weight_exp`"),
        Example("dense", "odd weights that fill 8 bits", [LINE, dense(weight=full)]),
        Example(
            "dense",
            "weights that lava-dl cuts",
            [LINE, dense(READ_OUT, weight=[[-64, -32, -32], [-32, 0, -64]])],
            "as Lava is left with them, with a note",
        ),
        Example("dense", "fractions", [LINE, dense(weight=EVEN * 1.003)], "cut off, with a note"),
        Example("dense", "delay per target, source, weight", delayed, "a synapse for each delay"),
        Example("dense", "delay above 62", [LINE, dense(delay=[70.0, 0.0])], "62, with a note"),
        Example("dense", "neuron missing", [LINE, dense(None)], f"lava-dl's defaults: {read_out}"),
        Example("dense", "vThMant out of reach (Affine)", [LINE, dense(READ_OUT)], read_out),
        Example("dense", "the same, within", [LINE, dense(READ_OUT), dense(weight=narrow)]),
        Example("dense", "complex weights", [LINE, dense(weight=complex_weights)]),
        Example("dense_rec", "", [LINE, recurrent()], "feedback a step later"),
        Example(
            "dense_rec",
            "delay, as many sources as targets",
            [LINE, recurrent(weight=SQUARE, delay=[1.0, 0.0, 4.0])],
            "both matrices delayed, as lava-dl does",
        ),
        Example("dense_rec", "delay, other shapes", [LINE, recurrent(delay=[1.0, 4.0])]),
    )


def _images() -> tuple[Example, ...]:
    channels, values = [2.0, -4.0], np.arange(12).reshape(3, 2, 2) - 6.0
    delays, own = [0.0, 3.0], "each output channel's delay, as slayer has it; lava-dl ignores it"
    flattened = [IMAGE, FLATTEN, dense(shape=[1], weight=PIXELS)]
    average = [LINE, dense(), {"type": "average", "shape": [1, 1, 1]}]
    return (
        Example("conv", "bias per channel", [IMAGE, conv(bias=channels)], "`conv2d`"),
        Example("conv", "bias per neuron, (W, H, C)", [IMAGE, conv(bias=values)], "`conv2d`"),
        Example("conv", "groups, stride, padding", [IMAGE, conv(**GROUPED)], "`conv2d`"),
        Example(
            "conv",
            "dilation",
            [IMAGE, conv(weight=KERNEL[..., :2, :2], dilation=[2, 3], shape=[2, 2, 2])],
            "`conv2d`",
        ),
        Example("conv", "delay", [IMAGE, conv(delay=delays)], own, "conv_delays"),
        Example("conv", "delay and bias", [IMAGE, conv(delay=delays, bias=channels)]),
        Example(
            "conv",
            "neuron missing",
            [IMAGE, {key: value for key, value in conv().items() if key != "neuron"}],
        ),
        Example("conv", "weights that fill 8 bits", [IMAGE, conv(weight=KERNEL * 7 + 1)]),
        Example("pool", "", [SQUARE_IMAGE, pool()], "`conv2d`, a channel each", "pool"),
        Example("pool", "kernel does not divide", [{**IMAGE, "shape": [2, 5, 4]}, pool()]),
        Example("pool", "stride other than kernel", [SQUARE_IMAGE, pool(stride=[1, 1])]),
        Example("average", "at the end", average, "`integrator` without memory", "average"),
        Example("average", "within", [*average, dense(weight=[[2]], shape=[1])]),
        Example("flatten", "", flattened, "C-order of (C, H, W)"),
        Example("flatten", "missing", [flattened[0], flattened[2]]),
        *(
            Example(kind, "", [LINE, {"type": kind, "neuron": CUBA}])
            for kind in ("convT", "unpool", "concat", "dense_comp")
        ),
    )


def _neurons() -> tuple[Example, ...]:
    def sdnn(**changes: object) -> list[Tree]:
        return [SDNN_INPUT, dense({**SDNN, **changes}, bias=[5.0, -7.0])]

    def cuba(**changes: object) -> list[Tree]:
        return [LINE, dense({**CUBA, **changes})]

    none = "the same: Lava has no refractory period, noted"
    return (
        Example("CUBA", "", cuba(), "`cuba_lif`: du = iDecay - 1, dv = vDecay, vth = vThMant"),
        Example("LOIHI", "", [LINE, dense(LOIHI)], "the same, the older name"),
        Example("CUBA", "refDelay 3", cuba(refDelay=3), none),
        Example("CUBA", "gradedSpike", cuba(gradedSpike=True)),
        Example("CUBA", "weight_exp other than 0", cuba(weight_exp=[-1.0])),
        Example("CUBA", "a decay per channel", cuba(iDecay=[1000, 1001])),
        Example("SDNN", "relu", sdnn(), "`sigma_delta`, spike_exp = state_exp = 6"),
        Example("SDNN", "another activation", sdnn(activation="tanh")),
        Example("SDNN", "messageBits 0", sdnn(messageBits=0)),
        Example(
            "SDNN",
            "delay",
            [SDNN_INPUT, dense(SDNN, delay=[1.0, 3.0]), dense(SDNN, weight=EVEN[:, :2])],
            "a synapse for each delay",
        ),
        Example(
            "SDNN",
            "in dense_rec",
            [SDNN_INPUT, recurrent(SDNN)],
            "feedback a step later",
        ),
        Example(
            "SDNN",
            "conv",
            [{**IMAGE, "neuron": SDNN}, conv(SDNN, bias=[2.0, -4.0])],
            "`sigma_delta`",
        ),
        Example(
            "SDNN",
            "sigma_output",
            [SDNN_INPUT, dense({**SDNN, "sigma_output": True})],
            "`sigma`, a read-out",
        ),
        *(
            Example(kind, "", cuba(type=kind))
            for kind in ("ALIF", "RF", "RF_PHASE", "RF_IZ", "ADRF", "ADRF_IZ")
        ),
    )


EXAMPLES = (*_inputs(), *_dense(), *_images(), *_neurons())
