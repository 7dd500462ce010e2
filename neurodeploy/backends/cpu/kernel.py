"""The run itself: samples, steps, populations. Plain functions: `compilation` compiles them.

Work follows the messages: what arrives is added up source by source, and only neurons are visited
at every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.backends.cpu.columns import (
    CHANNELS,
    CONVOLUTION,
    DELAY,
    EACH,
    END_SYNAPSE,
    EVENTS,
    FAN,
    FIRST_SLOT,
    FIRST_SYNAPSE,
    GRADED,
    GROUP,
    INDEX,
    KIND,
    LENGTH,
    MATRIX,
    MESSAGES,
    MODEL,
    NODE,
    OPERATIONS,
    PEAK,
    REACH,
    RECORD_START,
    ROOM,
    SATURATIONS,
    SCALARS,
    SENT,
    SHIFT,
    SIZE,
    SLOTS,
    SOURCE,
    SPIKES,
    STATE,
    STATE_NUMBER,
    WEIGHTS,
    WIDE,
)
from neurodeploy.backends.cpu.deliver import (
    add_rows,
    add_shifted,
    add_sparse,
    add_taps,
    add_weighted_rows,
    clear,
    copy,
)
from neurodeploy.backends.cpu.models import update_population
from neurodeploy.backends.cpu.tables import (
    Counters,
    Given,
    Memory,
    Records,
    Scratch,
    Span,
    Tables,
)

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK = 32
LARGEST8 = 128
LARGEST16 = 256


def collect(sent: Array, indices: Array) -> int:
    """Lists the neurons that sent something; how many."""
    count = 0
    for start in range(0, len(sent), BLOCK):
        block = sent[start : start + BLOCK]
        some = 0
        for k in range(len(block)):
            some |= block[k]
        if some != 0:
            for k in range(len(block)):
                indices[count] = start + k
                count += block[k] != 0
    return count


def largest_magnitude(values: Array) -> int:
    """The largest |value|, at least 1."""
    largest = 1
    for e in range(len(values)):
        largest = max(largest, abs(values[e]))
    return largest


def receive(tables: Tables, memory: Memory, given: Given, b: int, t: int, p: int, i: int) -> None:
    """Puts the messages that port p brings, number i of `given`, into its slot of step t."""
    node = tables.nodes[p]
    slot = t % node[SLOTS]
    begin = given.ends[i - 1] if i else 0
    count = given.ends[i] - begin
    at = node[EVENTS] + slot * node[SIZE]
    counter = memory.slots[b, node[FIRST_SLOT] + slot]
    copy(given.indices[begin : begin + count], memory.events[b, at : at + count])
    counter[0] = count
    counter[1] = 1
    if node[GRADED]:
        values = given.values[begin : begin + count]
        copy(values, memory.values[b, at : at + count])
        counter[1] = largest_magnitude(values)


def send(tables: Tables, memory: Memory, b: int, t: int, p: int, sent: Array) -> int:
    """Puts what a population sends into its slot of step t; the number of messages."""
    node = tables.nodes[p]
    slot = t % node[SLOTS]
    at = node[EVENTS] + slot * node[SIZE]
    counter = memory.slots[b, node[FIRST_SLOT] + slot]
    indices = memory.events[b, at : at + node[SIZE]]
    count = collect(sent, indices)
    counter[0] = count
    counter[1] = 1
    if node[GRADED]:
        values = memory.values[b, at : at + count]
        for e in range(count):
            values[e] = sent[indices[e]]
        counter[1] = largest_magnitude(values)
    return count


def add_weights(
    tables: Tables, row: Array, events: Array, values: Array, partial: Array, sums: Array
) -> None:
    """sums += what the messages bring over one synapse, before its shift."""
    weights8, weights16 = tables.weights8[row[WEIGHTS] :], tables.weights16[row[WEIGHTS] :]
    index = tables.links[row[INDEX] :]
    sources = tables.nodes[row[SOURCE], SIZE]
    if row[KIND] == MATRIX:
        if len(values):
            if row[WIDE]:
                add_weighted_rows(weights16, events, values, sums)
            else:
                add_weighted_rows(weights8, events, values, sums)
        elif row[WIDE]:
            add_rows(weights16, events, LARGEST16, partial, sums)
        else:
            add_rows(weights8, events, LARGEST8, partial, sums)
    elif row[KIND] == CONVOLUTION:
        shape = (sources // row[CHANNELS], row[CHANNELS], row[GROUP], row[LENGTH])
        if row[WIDE]:
            add_taps(weights16, index, shape, events, values, sums)
        else:
            add_taps(weights8, index, shape, events, values, sums)
    elif row[WIDE]:
        add_sparse(weights16, index, sources, events, values, sums)
    else:
        add_sparse(weights8, index, sources, events, values, sums)


def gather(
    tables: Tables,
    memory: Memory,
    scratch: Scratch,
    counters: Counters,
    b: int,
    t: int,
    population: int,
    limit: int,
) -> bool:
    """scratch.total = what arrives at a population in step t; False if it may pass `limit`."""
    of = tables.populations[population]
    n = tables.nodes[of[NODE], SIZE]
    total, sums = scratch.total[:n], scratch.sums[:n]
    clear(total)
    bound = 0
    for s in range(of[FIRST_SYNAPSE], of[END_SYNAPSE]):
        row = tables.synapses[s]
        node = tables.nodes[row[SOURCE]]
        if t < row[DELAY]:
            continue
        slot = (t - row[DELAY]) % node[SLOTS]
        counter = memory.slots[b, node[FIRST_SLOT] + slot]
        count = counter[0]
        if count == 0:
            continue
        at = node[EVENTS] + slot * node[SIZE]
        events = memory.events[b, at : at + count]
        values = memory.values[b, at : at + (count if node[GRADED] else 0)]
        reach = row[REACH] * counter[1]
        bound += reach << row[SHIFT] if row[SHIFT] > 0 else (reach >> -row[SHIFT]) + 1
        if reach > limit or bound > of[ROOM]:
            return False
        clear(sums)
        add_weights(tables, row, events, values, scratch.partial, sums)
        add_shifted(sums, row[SHIFT], total)
        operations = 0
        fans = tables.fans[row[FAN] : row[FAN] + node[SIZE]]
        for e in range(count):
            operations += fans[events[e]]
        counters.synapses[s, MESSAGES] += count
        counters.synapses[s, OPERATIONS] += operations
    return True


def record(
    tables: Tables,
    memory: Memory,
    records: Records,
    sent: Array,
    b: int,
    population: int,
    place: int,
) -> None:
    """Writes down what was asked of a population, as number `place` of its steps and samples."""
    of = tables.populations[population]
    n = len(sent)
    for r in range(records.ends[population - 1] if population else 0, records.ends[population]):
        number = records.rows[r, STATE_NUMBER]
        at = records.rows[r, RECORD_START] + place * n
        if number == SENT:
            copy(sent, records.written[at : at + n])
        else:
            state = of[STATE] + number * n
            copy(memory.states[b, state : state + n], records.written[at : at + n])


def advance(
    tables: Tables,
    memory: Memory,
    given: Given,
    records: Records,
    counters: Counters,
    scratch: Scratch,
    span: Span,
) -> bool:
    """Runs the steps; False if integers may have left the words that hold them: what was written
    since means nothing then."""
    steps = span.stop - span.start
    ports = len(tables.nodes) - len(tables.populations)
    for b in range(span.first, span.last):
        for step in range(steps):
            t = span.start + step
            for p in range(ports):
                receive(tables, memory, given, b, t, p, (p * steps + step) * span.batch + b)
            for i in range(len(tables.populations)):
                if not gather(tables, memory, scratch, counters, b, t, i, span.limit):
                    return False
                of = tables.populations[i]
                n = tables.nodes[of[NODE], SIZE]
                sent = scratch.sent[:n]
                peak, saturations, lost = update_population(
                    of[MODEL],
                    memory.states[b, of[STATE] :],
                    scratch.total[:n],
                    sent,
                    tables.scalars[of[SCALARS] :],
                    tables.each[of[EACH] :],
                )
                if lost != 0:
                    return False
                counts = counters.populations[i]
                counts[PEAK] = max(counts[PEAK], peak)
                counts[SATURATIONS] += saturations
                counts[SPIKES] += send(tables, memory, b, t, of[NODE], sent)
                record(tables, memory, records, sent, b, i, step * span.batch + b)
    return True
