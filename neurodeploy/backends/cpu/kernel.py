"""The run itself: samples, steps, populations. Plain functions: `compilation` compiles them.

Work follows the messages: what arrives is added up source by source, and only neurons are visited
at every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.backends.cpu.columns import (
    CHANNELS,
    DELAY,
    EACH,
    END_SYNAPSE,
    EVENTS,
    FAN,
    FIELDS,
    FIRST_SLOT,
    FIRST_SYNAPSE,
    GRADED,
    GROUP,
    INDEX,
    KIND,
    LENGTH,
    MANY,
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
    SPACING,
    SPARSE,
    SPIKES,
    STATE,
    STATE_NUMBER,
    STRIDE,
    WEIGHTS,
    WIDE,
)
from neurodeploy.backends.cpu.convolve import add_fields, add_taps
from neurodeploy.backends.cpu.deliver import (
    SPARE,
    add_rows,
    add_shifted,
    add_sparse,
    clear,
    copy,
)
from neurodeploy.backends.cpu.listing import collect, mark, padded
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

LARGEST8 = 128
LARGEST16 = 256


def largest_magnitude(values: Array) -> int:
    """The largest |value|, at least 1."""
    largest = 1
    for e in range(len(values)):
        largest = max(largest, abs(values[e]))
    return largest


def receive(tables: Tables, memory: Memory, given: Given, b: int, t: int, p: int, i: int) -> None:
    """Puts the messages that port p brings, number i of `given`, into its slot of step t."""
    node = tables.nodes[p]
    slot = t & (node[SLOTS] - 1)
    begin = given.ends[i - 1] if i else 0
    count = given.ends[i] - begin
    at = node[EVENTS] + slot * node[SPACING]
    counter = memory.slots[b, node[FIRST_SLOT] + slot]
    copy(given.indices[begin : begin + count], memory.events[b, at : at + count])
    counter[0] = count
    counter[1] = 1
    if node[GRADED]:
        values = given.values[begin : begin + count]
        copy(values, memory.values[b, at : at + count])
        counter[1] = largest_magnitude(values)


def send(
    tables: Tables, memory: Memory, b: int, t: int, p: int, sent: Array, all_flags: Array
) -> int:
    """Puts what a population sends into its slot of step t; the number of messages."""
    node = tables.nodes[p]
    slot = t & (node[SLOTS] - 1)
    at = node[EVENTS] + slot * node[SPACING]
    counter = memory.slots[b, node[FIRST_SLOT] + slot]
    indices = memory.events[b, at : at + node[SPACING]]
    flags = all_flags[: padded(node[SIZE])]
    mark(sent, flags)
    count = collect(flags, indices)
    counter[0] = count
    counter[1] = 1
    if node[GRADED]:
        values = memory.values[b, at : at + count]
        for e in range(count):
            values[e] = sent[indices[e]]
        counter[1] = largest_magnitude(values)
    return count


def add_messages(
    tables: Tables, scratch: Scratch, row: Array, events: Array, values: Array, sums: Array
) -> None:
    """sums += what the messages bring over one synapse, before its shift."""
    if row[WIDE]:
        weights = tables.weights16[row[WEIGHTS] :]
        add_weights(weights, LARGEST16, tables, scratch, row, events, values, sums)
    else:
        add_int8_messages(tables, scratch, row, events, values, sums)


def add_int8_messages(
    tables: Tables, scratch: Scratch, row: Array, events: Array, values: Array, sums: Array
) -> None:
    """The same over a synapse that is not WIDE."""
    weights = tables.weights8[row[WEIGHTS] :]
    add_weights(weights, LARGEST8, tables, scratch, row, events, values, sums)


def add_weights(
    weights: Array,
    largest: int,
    tables: Tables,
    scratch: Scratch,
    row: Array,
    events: Array,
    values: Array,
    sums: Array,
) -> None:
    """The same, |weights| <= `largest` of one type."""
    stride, table = row[STRIDE], tables.links[row[INDEX] :]
    sources = tables.nodes[row[SOURCE], SIZE]
    if row[KIND] == MATRIX:
        add_rows(weights, stride, 0, events, values, largest, sums)
    elif row[KIND] == SPARSE:
        add_sparse(weights, table, sources, events, values, sums)
    else:
        places = sources // row[CHANNELS]
        shape = (places, row[CHANNELS], row[GROUP], stride, row[LENGTH])
        if len(events) < row[MANY]:
            add_taps(weights, table, shape, events, values, largest, sums)
        else:
            fields = tables.links[row[FIELDS] :]
            add_fields(weights, fields, shape, events, values, largest, scratch.begins, sums)


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
    total, sums = scratch.total[: n + SPARE], scratch.sums[: n + SPARE]
    clear(total)
    bound = 0
    for s in range(of[FIRST_SYNAPSE], of[END_SYNAPSE]):
        row = tables.synapses[s]
        node = tables.nodes[row[SOURCE]]
        if t < row[DELAY]:
            continue
        slot = (t - row[DELAY]) & (node[SLOTS] - 1)
        counter = memory.slots[b, node[FIRST_SLOT] + slot]
        count = counter[0]
        if count == 0:
            continue
        at = node[EVENTS] + slot * node[SPACING]
        events = memory.events[b, at : at + count]
        values = memory.values[b, at : at + (count if node[GRADED] else 0)]
        reach = row[REACH] * counter[1]
        bound += reach << row[SHIFT] if row[SHIFT] > 0 else (reach >> -row[SHIFT]) + 1
        if reach > limit or bound > of[ROOM]:
            return False
        if row[SHIFT] == 0:
            add_messages(tables, scratch, row, events, values, total)
        else:
            clear(sums)
            add_messages(tables, scratch, row, events, values, sums)
            add_shifted(sums[:n], row[SHIFT], total[:n])
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
                counts[SPIKES] += send(tables, memory, b, t, of[NODE], sent, scratch.flags)
                record(tables, memory, records, sent, b, i, step * span.batch + b)
    return True
