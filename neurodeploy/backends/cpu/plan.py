"""A fixed Program as the flat tables and buffers that the compiled kernel reads."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from neurodeploy.backends.cpu import columns as c
from neurodeploy.backends.cpu.layout import Packed, order, pack
from neurodeploy.backends.cpu.listing import EIGHT
from neurodeploy.backends.cpu.models import is_usual, model_numbers
from neurodeploy.ir.inputs import initial_state
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program, Synapse
from neurodeploy.ir.synapses import fan_out

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Plan:
    """Tables have the columns that `columns` names, one row per port and population (`nodes`), per
    population in topological order, and per synapse sorted by target. A population's ROOM is for
    int32 words, 0 where its model says nothing.

    orders: per port and population the C-order index of each place in memory;
    dense: all connections of each synapse, zero weights too; slots: ring slots of one sample;
    events: messages that all slots of one sample hold.
    """

    program: Program
    nodes: Array
    populations: Array
    synapses: Array
    scalars: Array
    each: Array
    weights8: Array
    weights16: Array
    index: Array
    fans: Array
    state: Array
    orders: dict[str, Array]
    sorted_synapses: tuple[Synapse, ...]
    dense: tuple[int, ...]
    slots: int
    events: int

    @property
    def largest(self) -> int:
        """Neurons of the largest population."""
        return max(n.size for n in self.program.neurons)

    @property
    def usual(self) -> bool:
        """Whether the kernel of few loops runs it, which compiles sooner."""
        return is_usual(self.populations[:, c.MODEL]) and not self.synapses[:, c.WIDE].any()

    @property
    def cells(self) -> int:
        """The most groups of channels that the places of a convolution's source have."""
        rows = self.synapses[self.synapses[:, c.KIND] == c.CONVOLUTION]
        return int((self.nodes[rows[:, c.SOURCE], c.SIZE] // rows[:, c.GROUP]).max(initial=0))


def make_plan(program: Program) -> Plan:
    """The tables of a fixed Program."""
    names = [p.name for p in program.inputs] + list(program.order)
    number = {name: i for i, name in enumerate(names)}
    nodes = _nodes(program, names)
    synapses = tuple(s for name in program.order for s in program.incoming(name))
    packed = [pack(s, program.shapes[s.source], program.shapes[s.target]) for s in synapses]
    orders = {name: order(program.shapes[name]) for name in names}
    fans = [fan_out(program, s, non_zero=True).ravel()[orders[s.source]] for s in synapses]
    populations, scalars, each, state = _populations(program, number, orders)
    return Plan(
        program=program,
        nodes=nodes,
        populations=populations,
        synapses=_synapses(synapses, packed, fans, number),
        scalars=scalars,
        each=each,
        weights8=_joined([p.weights for p in packed if p.weights.dtype == np.int8], np.int8),
        weights16=_joined([p.weights for p in packed if p.weights.dtype == np.int16], np.int16),
        index=_joined([table for p in packed for table in (p.index, p.fields)], np.int32),
        fans=_joined(fans, np.int32),
        state=state,
        orders=orders,
        sorted_synapses=synapses,
        dense=tuple(int(fan_out(program, s, non_zero=False).sum()) for s in synapses),
        slots=int(nodes[:, c.SLOTS].sum()),
        events=int((nodes[:, c.SLOTS] * nodes[:, c.SPACING]).sum()),
    )


def _joined(parts: list[Array], dtype: Any) -> Array:
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype)


def _nodes(program: Program, names: list[str]) -> Array:
    """A node keeps the messages of as many steps as its longest synapse delays them, and one."""
    rows = []
    slot = event = 0
    for name in names:
        size = prod(program.shapes[name])
        longest = max((s.delay for s in program.synapses if s.source == name), default=0)
        slots = 1 << longest.bit_length()
        spacing = size + EIGHT
        rows.append([size, slots, slot, event, spacing, program.is_graded(name)])
        slot += slots
        event += slots * spacing
    return np.array(rows, dtype=np.int64)


def _populations(
    program: Program, number: dict[str, int], orders: dict[str, Array]
) -> tuple[Array, Array, Array, Array]:
    """The table, the constants of populations and of neurons, and the first states."""
    numbers = model_numbers()
    rows = []
    scalars: list[int] = []
    each: list[Array] = [np.zeros(0, dtype=np.int64)]
    state: list[Array] = [np.zeros(0, dtype=np.int64)]
    synapse = constants = states = 0
    for name in program.order:
        neuron = program.neuron(name)
        model = NEURON_MODELS[neuron.model]
        fixed = model.fixed_constants(neuron.params)
        count = len(program.incoming(name))
        starts = [states, len(scalars), constants, synapse, synapse + count]
        loop = numbers[neuron.model, fixed.uniform]
        rows.append([number[name], loop, *starts, model.int32_input])
        common = fixed.population
        scalars += [int(x) for x in common if fixed.uniform]
        arrays = fixed.each if fixed.uniform else (*common, *fixed.each)
        each += [np.broadcast_to(x, neuron.shape).ravel()[orders[name]] for x in arrays]
        first = initial_state(program, name, 1)
        state += [first[key].ravel()[orders[name]] for key in model.state]
        synapse += count
        constants += len(arrays) * neuron.size
        states += len(model.state) * neuron.size
    table = np.array(rows, dtype=np.int64)
    return table, np.array(scalars, dtype=np.int64), np.concatenate(each), np.concatenate(state)


def _synapses(
    synapses: tuple[Synapse, ...],
    packed: list[Packed],
    fans: list[Array],
    number: dict[str, int],
) -> Array:
    rows = []
    weights = {False: 0, True: 0}
    index = fan = 0
    for synapse, p, f in zip(synapses, packed, fans, strict=True):
        wide = p.weights.dtype == np.int16
        row = [0] * c.SYNAPSE_COLUMNS
        row[c.KIND] = p.kind
        row[c.SOURCE] = number[synapse.source]
        row[c.DELAY] = synapse.delay
        row[c.SHIFT] = synapse.weight_exp + p.shift
        row[c.REACH] = p.reach
        row[c.WIDE] = wide
        row[c.WEIGHTS] = weights[wide]
        row[c.FAN] = fan
        row[c.STRIDE] = p.stride
        row[c.INDEX] = index
        row[c.FIELDS] = index + p.index.size
        row[c.MANY] = p.many
        row[c.LENGTH] = p.length
        row[c.CHANNELS] = p.channels
        row[c.GROUP] = p.group
        rows.append(row)
        weights[wide] += p.weights.size
        index += p.index.size + p.fields.size
        fan += f.size
    return np.array(rows, dtype=np.int64).reshape(-1, c.SYNAPSE_COLUMNS)
