"""Quantization-aware fine-tuning: training through the chip's own integers.

from neurodeploy.zoo.fine_tuning import fine_tune

tuned = fine_tune(
    "net.nir",                    # a graph (with dt), a .nir, or a Program(real)
    loader,                       # batches (x, target), x of shape (T, B, *shape)
    loss,                         # loss(output, target), output (T, B, *out) in real units
    calibration=x,                # as for `compile`: it sets the scales
    options=Options(weight_bits=4),
    epochs=3,
)
write_program("net.ndp", tuned.program)    # integers in hardware time, ready to run
tuned.real                                 # the real Program that the integers stand for
"""

from neurodeploy.zoo.fine_tuning.network import FixedNetwork
from neurodeploy.zoo.fine_tuning.state_dict import tuned_state_dict
from neurodeploy.zoo.fine_tuning.tuning import FineTuned, fine_tune

__all__ = ["FineTuned", "FixedNetwork", "fine_tune", "tuned_state_dict"]
