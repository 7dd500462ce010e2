"""Rows of weights added up in vector registers: the innermost loop of the simulator.

The compiler keeps the sums of a plain loop in memory, since it does not know how many there are.
Here it does: `lanes` neighbours are one LLVM vector, which lies in registers until the last row.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

PARTIAL_BITS = 16


def sum_of_rows(lanes: int, weighted: bool = False) -> Any:
    """Compiled `add(weights, stride, offset, column, events, values, total)`.

    total[column + j] += sum over e of weights[(events[e] + offset) * stride + column + j], for all
    j < `lanes`. Partial sums are int16; weighted: rows times values[e], partial sums like `total`.
    Reads and writes `lanes` elements whatever the length of the arrays.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        weights, stride, offset, column, events, values, total = (
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        bits = total.data.type.pointee.width if weighted else PARTIAL_BITS
        partial = ir.VectorType(ir.IntType(bits), lanes)
        sums = cgutils.alloca_once_value(builder, ir.Constant(partial, None))
        with cgutils.for_range(builder, events.nitems) as loop:
            event = builder.sext(builder.load(builder.gep(events.data, [loop.index])), stride.type)
            place = builder.add(builder.mul(builder.add(event, offset), stride), column)
            row = _widened(builder, _loaded(builder, weights.data, place, lanes), partial)
            if weighted:
                value = builder.load(builder.gep(values.data, [loop.index]))
                row = builder.mul(row, _everywhere(builder, value, partial))
            builder.store(builder.add(builder.load(sums), row), sums)
        before = _loaded(builder, total.data, column, lanes)
        found = _widened(builder, builder.load(sums), before.type)
        _store(builder, builder.add(before, found), total.data, column)
        return context.get_dummy_value()

    def add(
        context: Any,
        weights: Any,
        stride: Any,
        offset: Any,
        column: Any,
        events: Any,
        values: Any,
        total: Any,
    ) -> Any:
        return types.void(weights, *(types.intp,) * 3, events, values, total), generate

    return intrinsic(add)


def _vector_at(builder: Any, data: Any, place: Any, lanes: int) -> Any:
    vector = ir.VectorType(data.type.pointee, lanes)
    return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())


def _loaded(builder: Any, data: Any, place: Any, lanes: int) -> Any:
    """`lanes` elements from `place` on."""
    return builder.load(_vector_at(builder, data, place, lanes), align=data.type.pointee.width // 8)


def _store(builder: Any, vector: Any, data: Any, place: Any) -> None:
    at = _vector_at(builder, data, place, vector.type.count)
    builder.store(vector, at, align=data.type.pointee.width // 8)


def _widened(builder: Any, vector: Any, wanted: Any) -> Any:
    """The same integers in the elements of `wanted`."""
    return vector if vector.type == wanted else builder.sext(vector, wanted)


def _everywhere(builder: Any, value: Any, wanted: Any) -> Any:
    """A vector of this value alone."""
    undefined, first = ir.Constant(wanted, ir.Undefined), ir.Constant(ir.IntType(32), 0)
    mask = ir.Constant(ir.VectorType(ir.IntType(32), wanted.count), None)
    return builder.shuffle_vector(builder.insert_element(undefined, value, first), undefined, mask)
