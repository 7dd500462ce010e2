"""The `neuron` group of a netx layer as a population of a Program.

lava-dl 0.6.0, `netx.hdf5.Network.get_neuron_params`: CUBA (older files: LOIHI) is Lava's LIF with
du = iDecay - 1, dv = vDecay, vth = vThMant, bias << 6 and no refractory period; SDNN is SigmaDelta,
Delta in an input layer and Sigma where there is a `sigma_output`, with spike_exp = state_exp = 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.frontends.netx.section import LARGEST, Section
from neurodeploy.ir.arithmetic import DECAY_UNITY, THRESHOLD_MANTISSA_MAX
from neurodeploy.ir.program import Neuron

Array = np.ndarray[Any, np.dtype[Any]]
BIAS_EXP = 6
EXPONENTS = {"spike_exp": 6, "state_exp": 6}
# slayer: a weight is 1/64 of a real unit, a spike of CUBA 1, a sigma-delta message 1/4096; a LIF
# shifts its input up by 6
CUBA_SCALE = 2.0**12
SDNN_SCALE = 2.0**18
REFUSED = {
    "ALIF": "Lava has no fixed-point process for an adaptive threshold that netx could load",
    "RF": "resonate-and-fire has a complex state",
    "RF_PHASE": "resonate-and-fire has a complex state",
    "RF_IZ": "resonate-and-fire has a complex state",
    "ADRF": "resonate-and-fire has a complex state",
    "ADRF_IZ": "resonate-and-fire has a complex state",
}


@dataclass(frozen=True)
class Place:
    """Where a population stands: its name and shape, its number from 1, whether it is the input
    block, whether nothing follows it."""

    name: str
    shape: tuple[int, ...]
    latency: int
    is_input: bool
    last: bool


def population(layer: Section, place: Place) -> Neuron:
    """The population of a layer. Raises DataError or UnsupportedPrimitive."""
    bias = _bias(layer, place)
    if "neuron" not in layer:
        if layer.text("type") not in ("dense", "dense_rec"):
            raise layer.damaged("neuron", "is missing", "only dense layers have defaults")
        # lava-dl's defaults: u never decays and v is u; the threshold, 1 << 17, is out of reach
        return _cuba(layer, place, bias, i_decay=0, v_decay=4096, threshold=1 << 17)
    neuron = layer.section("neuron")
    kind = neuron.text("type")
    if kind in ("CUBA", "LOIHI"):
        _require_what_lava_computes(neuron)
        decays = {
            "i_decay": neuron.bounded("iDecay", DECAY_UNITY),
            "v_decay": neuron.bounded("vDecay", DECAY_UNITY),
        }
        threshold = neuron.bounded("vThMant", LARGEST)
        return _cuba(neuron, place, bias, **decays, threshold=threshold)
    if kind == "SDNN":
        return _sigma_delta(neuron, place, bias)
    detail = REFUSED.get(kind, "lava-dl's loader knows no such neuron")
    raise neuron.unsupported("netx-neuron", f"{kind}: {detail}", "CUBA, LOIHI and SDNN are read")


def _cuba(
    where: Section, place: Place, bias: Array, *, i_decay: int, v_decay: int, threshold: int
) -> Neuron:
    params: dict[str, Any] = {
        "du": i_decay - 1,
        "dv": v_decay,
        "bias": bias,
        "bias_exp": BIAS_EXP,
        "v_init": 0,
    }
    if threshold <= THRESHOLD_MANTISSA_MAX:
        params["vth"] = threshold
        return Neuron(place.name, place.shape, "cuba_lif", params, CUBA_SCALE, place.latency)
    if not place.last:
        detail = f"vThMant {threshold} << 6 is beyond every membrane: it never fires"
        hint = "lower it: only the last layer can be a read-out"
        raise where.unsupported("netx-silent", detail, hint)
    return Neuron(place.name, place.shape, "integrator", params, CUBA_SCALE, place.latency)


def _require_what_lava_computes(neuron: Section) -> None:
    """Refuses what slayer computes and lava-dl's loader passes over, notes a refractory period."""
    if neuron.flag("gradedSpike"):
        detail = "gradedSpike: slayer sends the membrane with a spike, Lava's LIF sends 1"
        raise neuron.unsupported("netx-graded-spike", detail, "train with graded_spike=False")
    for key in ("weight_exp", "wgtExp"):
        if key in neuron and neuron.numbers(key).any():
            detail = f"{key} = {neuron.numbers(key).ravel()[0]:g}: lava-dl's loader ignores it"
            hint = "train with a normalisation that keeps the scale (MeanOnlyBatchNorm)"
            raise neuron.unsupported("netx-weight-exp", detail, hint)
    if neuron.integer("refDelay", 1) != 1:
        detail = f"refDelay {neuron.integer('refDelay')}: Lava's LIF has no refractory period"
        neuron.notes.append(f"{neuron.where}: {detail}, and the Program has none either")


def _sigma_delta(neuron: Section, place: Place, bias: Array) -> Neuron:
    if neuron.integer("messageBits", 16) == 0:
        hint = "sigma-delta messages are graded: 16"
        raise neuron.unsupported("netx-messages", "messageBits 0", hint)
    where = (place.name, place.shape)
    if place.is_input or "sigma_output" in neuron:
        if bias.any():
            detail = "Lava's Delta and Sigma have no bias"
            raise neuron.unsupported("netx-bias", detail, "add it to the input")
        if not place.is_input:
            return Neuron(*where, "sigma", {}, SDNN_SCALE, place.latency)
        params: dict[str, Any] = {
            "vth": neuron.bounded("vThMant", THRESHOLD_MANTISSA_MAX),
            **EXPONENTS,
        }
        return Neuron(*where, "delta", params, SDNN_SCALE, place.latency)
    if "activation" in neuron and neuron.text("activation") != "relu":
        detail = f"activation {neuron.text('activation')!r}: lava-dl's loader makes it a ReLU"
        raise neuron.unsupported("netx-activation", detail, "train with torch's relu")
    params = {"vth": neuron.bounded("vThMant", THRESHOLD_MANTISSA_MAX), "bias": bias, **EXPONENTS}
    return Neuron(*where, "sigma_delta", params, SDNN_SCALE, place.latency)


def _bias(layer: Section, place: Place) -> Array:
    """Per neuron, or 0-dimensional. lava-dl takes a value per neuron, of an image as (W, H, C), or
    per channel; an input layer's is one value."""
    if "bias" not in layer:
        return np.array(0)
    values = layer.truncated("bias")
    shape = place.shape
    if values.size == 1 and (place.is_input or len(shape) == 1):
        return values.reshape(())
    if not place.is_input:
        if values.size == shape[0] and values.ndim == 1:
            return np.broadcast_to(values.reshape(-1, *(1,) * (len(shape) - 1)), shape)
        if len(shape) == 3 and values.shape == shape[::-1]:
            return values.transpose()
    raise layer.damaged("bias", f"has shape {values.shape}, the layer {shape}")
