"""What each kind of dispatched operator adds to which row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from torch import Tensor, nn

from neurodeploy.bench.counting.arithmetic import (
    BATCH_NORM,
    BATCH_NORMS,
    ELEMENTWISE,
    FREE,
    LSTM_GATES,
    MULTIPLY,
    NORM,
    REDUCTIONS,
    SOFTMAX,
    TABLE,
    Arithmetic,
    plain_name,
)
from neurodeploy.bench.counting.convention import Convention
from neurodeploy.bench.counting.fanout import Fanout, storage_of, version_of
from neurodeploy.bench.counting.means import Means
from neurodeploy.bench.counting.neuron_arithmetic import NeuronArithmetic
from neurodeploy.bench.counting.padding import Padding
from neurodeploy.bench.counting.pooling import POOLS, pool_ops
from neurodeploy.bench.counting.products import (
    LSTM,
    Product,
    attention,
    convolution,
    linear,
    lstm_layer,
    matrices,
)
from neurodeploy.bench.counting.rows import Row, Rows
from neurodeploy.bench.counting.whole_layers import Layer, geometry_of

Handler = Callable[[Sequence[Any], Mapping[str, Any], Any], None]


class Operators:
    """The rows of a run of `module`, and the handlers of operators that fill them.

    running: paths of the modules that run, each with whether products alone are counted there,
    since the rest of its arithmetic is known; uncounted: operators that compute something and are
    in no row, with their calls.
    """

    def __init__(self, module: nn.Module, convention: Convention) -> None:
        stored = [*module.parameters(), *module.buffers()]
        self._fanout = Fanout(frozenset(storage_of(x) for x in stored))
        self._by_call = convention.unit == "call"
        self._means = Means(convention.means == "folded")
        self.running: list[tuple[str, bool]] = [("", False)]
        self._last: tuple[str, Tensor] | None = None
        self._padding = Padding()
        self._layers: dict[Layer, tuple[Tensor, Any, Product]] = {}
        self.rows = Rows()
        self.uncounted: Counter[str] = Counter()
        self.shapes_only = False

    def handler(self, func: Any) -> Handler | None:
        """What to call after `func` ran; None for one that only moves data."""
        packet = func.overloadpacket.__name__
        name = plain_name(packet)
        if packet in FREE or name in FREE:
            return None
        if name == _PAD:
            return self._padding.pad
        if name in _HANDLERS:
            return partial(_HANDLERS[name], self)
        if name in _ATTENTIONS:
            return partial(self._attention, [a.name for a in func._schema.arguments])
        if name in POOLS:
            return partial(self._pool, name)
        if name in TABLE:
            return self._elements(*TABLE[name])
        return lambda args, kwargs, out: self.uncounted.update([f"aten.{packet}"])

    def knows(self, func: Any) -> bool:
        """Whether `func` is in a table, be it as one that computes nothing."""
        packet = func.overloadpacket.__name__
        tables: tuple[Collection[str], ...] = (FREE, (_PAD,), _HANDLERS, _ATTENTIONS, POOLS, TABLE)
        return any(name in table for table in tables for name in (packet, plain_name(packet)))

    def neuron(self, neuron: NeuronArithmetic, out: Any) -> None:
        """One call of a neuron of known cost: as many updates as elements of its first output."""
        self._row("neuron").update(neuron, out[0] if isinstance(out, tuple) else out)

    def _row(self, op: str) -> Row:
        return self.rows.row(self.running[-1][0], op)

    def _book(self, op: str, x: Tensor, product: Product, out: Tensor, bias_adds: int = 0) -> None:
        """A product of activations x with weights, or of two activations."""
        row = self._row(op)
        row.call(x.numel(), out)
        row.dense_macs += product.dense_macs
        row.padding_taps += product.padding_taps
        row.bias_adds += bias_adds
        self._last = (row.name, out)
        if product.reach is None:
            self.shapes_only = True
            return
        x = self._means.sums(x)
        row.taken.add(x, product.shape, product.reach, product.kinds, self._by_call)
        if product.zero_reach is not None:
            row.skipped.add(x, product.shape, product.zero_reach, product.kinds, self._by_call)

    def layer(self, module: Layer, x: Tensor, out: Tensor) -> None:
        """One call of a layer as torch has it: what its operators would have added."""
        weight = module.weight
        inside = self._padding.inside(x)
        key = (x.shape, version_of(weight), inside)
        kept = self._layers.get(module)
        if kept is None or kept[0] is not weight or kept[1] != key:
            if isinstance(module, nn.Linear):
                product = linear(x, weight, self._fanout)
            else:
                geometry = geometry_of(module)
                product = convolution(x, weight, out, geometry, self._fanout, inside)
            kept = self._layers[module] = (weight, key, product)
        op = "linear" if isinstance(module, nn.Linear) else "conv"
        self._book(op, x, kept[2], out, 0 if module.bias is None else out.numel())

    def _convolution(self, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> None:
        if out.is_complex():
            self.uncounted["complex convolution"] += 1
            return
        op = "conv_transpose" if args[6] else "conv"
        inside = self._padding.inside(args[0])
        product = convolution(args[0], args[1], out, args[3:9], self._fanout, inside)
        self._book(op, args[0], product, out, 0 if args[2] is None else out.numel())

    def _product(self, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> None:
        self._matrices(args[0], args[1], out, 0)

    def _sum_and_product(self, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> None:
        self._matrices(args[1], args[2], out, out.numel() if kwargs.get("beta", 1) else 0)

    def _matrices(self, a: Tensor, b: Tensor, out: Tensor, adds: int) -> None:
        if out.is_complex():
            self.uncounted["complex matrix product"] += 1
            return
        x, product, has_weight = matrices(a, b, self._fanout)
        self._book("linear" if has_weight else "matmul", x, product, out, adds)

    def _attention(
        self, names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any], out: Any
    ) -> None:
        bound = dict(zip(names, args, strict=False)) | dict(kwargs)
        scores = bound["query"].shape[:-1].numel() * bound["key"].shape[-2]
        for x, product in attention(bound, self._fanout):
            self._book("attention", x, product, out[0])
        self._row("attention").elements[MULTIPLY] += scores
        self._row("softmax").calls += 1
        self._row("softmax").elements[SOFTMAX] += scores

    def _lstm(self, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
        """A fused layer of an LSTM; mkldnn's other cells are listed as uncounted."""
        if args[9] != LSTM:
            self.uncounted["aten.mkldnn_rnn_layer"] += 1
            return
        y = out[0]
        for x, product in lstm_layer(args, y, self._fanout):
            self._book("linear", x, product, y, 4 * y.numel() if args[12] else 0)
        self._row("elementwise").calls += 1
        self._row("elementwise").elements[LSTM_GATES] += y.numel()

    def _batch_norm(self, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
        """By running statistics; by those of the input, it is a norm like others."""
        y = out[0] if isinstance(out, tuple) else out
        if len(args) > 5 and args[5] is True:
            self._arithmetic("norm", NORM, y.numel(), args[0], y)
            return
        row = self._arithmetic("batch_norm", BATCH_NORM, y.numel(), args[0], y)
        after = self._last is not None and storage_of(self._last[1]) == storage_of(args[0])
        if row is not None and self._last is not None and after:
            row.folds_into = self._last[0]

    def _add(self, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> None:
        """An addition; of a stored vector right after a product: that product's bias."""
        other = args[1]
        last = self._last
        is_bias = (
            isinstance(other, Tensor)
            and other.dim() == 1
            and last is not None
            and last[0] == self.running[-1][0]
            and storage_of(last[1]) == storage_of(args[0])
            and self._fanout.is_weight(other)
        )
        if is_bias:
            self._row("linear").bias_adds += out.numel()
        else:
            self._arithmetic("elementwise", ELEMENTWISE["add"], out.numel(), args[0], out)

    def _pool(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
        y = out[0] if isinstance(out, tuple) else out
        if self.running[-1][1]:
            return
        row = self._row("pool")
        row.call(args[0].numel(), y)
        folded = self._means.take(name, args, kwargs, y)
        for each, count in pool_ops(name, args[0], y, args):
            row.elements[each] += 0 if folded and each is MULTIPLY else count

    def _mean(self, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> None:
        self._arithmetic("reduction", REDUCTIONS["mean"], args[0].numel(), args[0], out)
        self._means.take("mean", args, kwargs, out)

    def _elements(self, op: str, each: Arithmetic, per_input: bool) -> Handler:
        def count(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
            y = out[0] if isinstance(out, tuple) else out
            x = args[0] if isinstance(args[0], Tensor) else y
            row = self._arithmetic(op, each, (x if per_input else y).numel(), x, y)
            if op == "activation" and row is not None:
                row.send(y)

        return count

    def _arithmetic(
        self, op: str, each: Arithmetic, elements: int, x: Tensor, out: Tensor
    ) -> Row | None:
        if self.running[-1][1]:
            return None
        row = self._row(op)
        row.call(x.numel(), out)
        row.elements[each] += elements
        return row


_PAD: Final = "constant_pad_nd"
_HANDLERS: Final = {
    "convolution": Operators._convolution,
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot"), Operators._product),
    **dict.fromkeys(("addmm", "addbmm", "baddbmm", "addmv"), Operators._sum_and_product),
    "mkldnn_rnn_layer": Operators._lstm,
    "add": Operators._add,
    "mean": Operators._mean,
    **dict.fromkeys(BATCH_NORMS, Operators._batch_norm),
}
_ATTENTIONS: Final = frozenset(
    {
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_cudnn_attention",
    }
)
