"""Columns of the integer tables that describe a Program to the compiled kernel."""

from __future__ import annotations

# A node is a port or a population. Its messages of step t lie in slot t modulo SLOTS, a power of
# two: indices from EVENTS + slot * SPACING on in the event buffers, how many in counter
# FIRST_SLOT + slot.
SIZE, SLOTS, FIRST_SLOT, EVENTS, SPACING, GRADED, NODE_COLUMNS = range(7)

# A population: its node, its model's number, where its states, constants and synapses begin; the
# largest magnitude of what may arrive at one of its neurons.
NODE, MODEL, STATE, SCALARS, EACH, FIRST_SYNAPSE, END_SYNAPSE, ROOM, POPULATION_COLUMNS = range(9)

# A synapse. SHIFT is left if positive; REACH the largest sum of |weights| that one target has;
# WIDE says that the weights need int16; WEIGHTS, FAN and INDEX where its weights, its fan-outs and
# its table begin; STRIDE how many weights a row has.
# LENGTH, CHANNELS and GROUP are a convolution's output channels per group, its input channels, and
# those per group; from MANY messages on it goes by outputs, with the table at FIELDS.
(
    KIND,
    SOURCE,
    DELAY,
    SHIFT,
    REACH,
    WIDE,
    WEIGHTS,
    STRIDE,
    FAN,
    INDEX,
    FIELDS,
    MANY,
    LENGTH,
    CHANNELS,
    GROUP,
    SYNAPSE_COLUMNS,
) = range(16)

MATRIX, SPARSE, CONVOLUTION = range(3)

# A record: which of the population's states (SENT for its message), and where it is written.
STATE_NUMBER, RECORD_START, RECORD_COLUMNS = range(3)
SENT = -1

# What is counted per population and per synapse.
SPIKES, SATURATIONS, PEAK, POPULATION_COUNTS = range(4)
MESSAGES, OPERATIONS, SYNAPSE_COUNTS = range(3)
