"""Norse's neuron classes: those with an exact form in NIR, and what to use instead of the others.

Read in norse 1.1.0, `torch/module/*.py` and `torch/functional/*.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from norse.torch.functional.iaf import iaf_feed_forward_step
from norse.torch.functional.leaky_integrator import li_feed_forward_step
from norse.torch.functional.leaky_integrator_box import li_box_feed_forward_step
from norse.torch.functional.lif import lif_feed_forward_step, lif_step
from norse.torch.functional.lif_box import lif_box_feed_forward_step
from norse.torch.module.iaf import IAF, IAFCell
from norse.torch.module.leaky_integrator import LI, LICell, LILinearCell
from norse.torch.module.leaky_integrator_box import LIBoxCell
from norse.torch.module.lif import LIF, LIFCell, LIFRecurrent, LIFRecurrentCell
from norse.torch.module.lif_box import LIFBoxCell
from norse.torch.module.lift import Lift
from norse.torch.module.sequential import SequentialState
from torch import nn


@dataclass(frozen=True)
class Kind:
    """What a class computes in a step, beyond a membrane v.

    leaks: v decays to v_leak. current: a synaptic current i stands between input and v. fires: v
    has a threshold. weighted: the input goes through weights of the class's own; recurrent: so do
    the spikes of the step before. sequence: a call gets all steps. function: what forward() calls.
    """

    function: Callable[..., Any] | None
    leaks: bool = True
    current: bool = False
    fires: bool = True
    weighted: bool = False
    recurrent: bool = False
    sequence: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        """Fields of the class's state tuple that the next step reads."""
        return ("z",) * self.recurrent + ("v",) + ("i",) * self.current

    @property
    def sent(self) -> str:
        """The field that is the same tensor as what the layer sends on."""
        return "z" if self.fires else "v"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Fields of `p` that change what the class computes; method and alpha only train it."""
        names = ("tau_syn_inv",) * self.current
        names += ("tau_mem_inv", "v_leak") if self.leaks else ()
        return names + (("v_th", "v_reset") if self.fires else ())

    @property
    def weights(self) -> tuple[str, ...]:
        """Attributes that are weight matrices."""
        return ("input_weights",) * self.weighted + ("recurrent_weights",) * self.recurrent


_LI: Final = {"current": True, "fires": False}
KINDS: Final[Mapping[type[nn.Module], Kind]] = {
    IAFCell: Kind(iaf_feed_forward_step, leaks=False),
    IAF: Kind(iaf_feed_forward_step, leaks=False, sequence=True),
    LIFBoxCell: Kind(lif_box_feed_forward_step),
    LIFCell: Kind(lif_feed_forward_step, current=True),
    LIF: Kind(lif_feed_forward_step, current=True, sequence=True),
    LIFRecurrentCell: Kind(lif_step, current=True, weighted=True, recurrent=True),
    LIFRecurrent: Kind(lif_step, current=True, weighted=True, recurrent=True, sequence=True),
    LIBoxCell: Kind(li_box_feed_forward_step, fires=False),
    LICell: Kind(li_feed_forward_step, **_LI),
    LI: Kind(li_feed_forward_step, **_LI, sequence=True),
    LILinearCell: Kind(None, **_LI, weighted=True),
}

# the tracer looks into these: they only call other modules
CONTAINERS: Final = (Lift, SequentialState)

_ADAPTS = "NIR's neurons do not adapt: use LIFCell and retrain"
_ENCODES = "encode outside the module"
HINTS: Final[Mapping[str, str]] = {
    "LIFRefrac": "NIR has no refractory time: use LIFCell and retrain",
    "LIFAdEx": _ADAPTS,
    "LIFEx": "NIR's membranes are linear: use LIFCell and retrain",
    "LIFMC": "NIR's neurons have one compartment: use LIFCell and retrain",
    "LIFCorrelation": "its correlation sensors only serve learning: export a LIFRecurrentCell",
    "LSNN": _ADAPTS,
    "Izhikevich": "NIR's membranes are linear: use LIFCell and retrain",
    "CobaLIF": "NIR has no conductances: use LIFCell and retrain",
    "ExpFilter": "use LIBoxCell with dt tau_mem_inv = a = 1 - exp(-dt tau_filter_inv), behind an "
    "nn.Linear with 1 / a times the weights and bias",
    "LConv2d": "use Lift(nn.Conv2d(...)), which is the same",
    "RecurrentSequential": "loop in forward(): add the output of the step before to the input",
    "RegularizationCell": "leave it out of the exported module: it passes its input on",
    "ConstantCurrentLIFEncoder": "use LIFBoxCell on the current, repeated at each step",
    "PoissonEncoder": _ENCODES,
    "PopulationEncoder": _ENCODES,
    "SignedPoissonEncoder": _ENCODES,
    "SpikeLatency": _ENCODES,
    "SpikesToTimesDecoder": "decode outside the module",
    "SpatialReceptiveField2d": "use nn.Conv2d with the field's kernels",
    "SampledSpatialReceptiveField2d": "use nn.Conv2d with the field's kernels",
    "ParameterizedSpatialReceptiveField2d": "use nn.Conv2d with the field's kernels",
    "TemporalReceptiveField": "use one LIBoxCell per time scale",
}


def defined_by_norse(module: nn.Module) -> bool:
    """Whether the module is one of Norse's own layers, supported or not, and no container."""
    homes = [c for c in type(module).__mro__ if c.__module__.startswith("norse.torch.module.")]
    return bool(homes) and not isinstance(module, CONTAINERS)


def hint(module: nn.Module) -> str:
    """What to use instead of a layer that has no exact form."""
    for kind in type(module).__mro__:
        if kind in KINDS:
            return f"export a plain {kind.__name__}: a subclass may compute something else"
        for name, text in HINTS.items():
            if kind.__module__.startswith("norse.") and kind.__name__.startswith(name):
                return text
    return ""
