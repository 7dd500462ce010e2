"""Settled expressions in the form that makes the smallest graph: the same sums, fewer nodes.

wirings of wirings become one; those that change nothing vanish
a wiring before a Linear, or of channels before a Conv, goes into its weights: a Linear on
    concatenated signals is one Linear per signal
batch norm, a factor or a constant behind a Linear or Conv goes into its weights and bias
a term that is added n times is multiplied by n
what is always zero vanishes
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from neurodeploy.frontends.tracer import layers, linear_layers, wiring
from neurodeploy.frontends.tracer.expressions import Apply, Expr, Shape, Sum, Zero, terms_of
from neurodeploy.frontends.tracer.operations import Scaling, Shift, Table, Wiring, stem_of


@dataclass
class Rewriter:
    """Call it with an expression. `table` gets the layers that arise."""

    table: Table
    _done: dict[Expr, Expr] = field(default_factory=dict)

    def __call__(self, expr: Expr) -> Expr:
        if expr not in self._done:
            self._done[expr] = self._rewritten(expr)
        return self._done[expr]

    def _rewritten(self, expr: Expr) -> Expr:
        if isinstance(expr, Sum):
            return self._sum([self(term) for term in expr.terms], expr.shape)
        if isinstance(expr, Apply):
            folded = self._folded(expr)
            return self._apply(folded.layers, self(folded.arg), folded.shape)
        return expr

    def _folded(self, expr: Apply) -> Apply:
        """With the linear layer below it taken in, if it can be folded into that one."""
        inner = expr.arg
        if not isinstance(inner, Apply):
            return expr
        inner = self._folded(inner)
        if all(self._folds(key, inner) for key in expr.layers):
            return Apply((*inner.layers, *expr.layers), inner.arg, expr.shape)
        return Apply(expr.layers, inner, expr.shape)

    def _folds(self, key: str, behind: Apply) -> bool:
        rule = layers.rule_for(self.table.modules[behind.layers[0]])
        takes = rule is not None and rule.is_linear
        return takes and linear_layers.is_channelwise(self.table.modules[key], behind.shape)

    def _apply(self, keys: tuple[str, ...], arg: Expr, shape: Shape) -> Expr:
        module = self.table.modules[keys[0]]
        if isinstance(arg, Zero) and not linear_layers.has_bias(
            [self.table.modules[k] for k in keys]
        ):
            return Zero(shape)
        if isinstance(module, Wiring):
            return self._wire(keys[0], arg)
        if isinstance(module, Shift) and isinstance(arg, Sum):
            return self._shift(keys[0], arg)
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            return self._linear(keys, arg, shape)
        return Apply(keys, arg, shape)

    # ---- sums

    def _sum(self, terms: list[Expr], shape: Shape) -> Expr:
        flat = [t for term in terms for t in terms_of(term) if not isinstance(t, Zero)]
        counted = [self._times(t, n) for t, n in Counter(flat).items()]
        if not counted:
            return Zero(shape)
        return counted[0] if len(counted) == 1 else Sum(tuple(counted), shape)

    def _times(self, expr: Expr, count: int) -> Expr:
        if count == 1:
            return expr
        key = self.table.add("scale", Scaling(np.full(expr.shape, float(count))))
        return Apply((key,), expr, expr.shape)

    def _shift(self, key: str, arg: Sum) -> Expr:
        """The constant as the bias of a term that can take one."""
        for i, term in enumerate(arg.terms):
            if isinstance(term, Apply) and self._folds(key, term):
                shifted = Apply((*term.layers, key), term.arg, term.shape)
                return Sum((*arg.terms[:i], shifted, *arg.terms[i + 1 :]), arg.shape)
        return Apply((key,), arg, arg.shape)

    # ---- wirings

    def _wire(self, key: str, arg: Expr) -> Expr:
        outer = self.table.modules[key]
        assert isinstance(outer, Wiring)
        shape = outer.index.shape
        if isinstance(arg, Zero) or not outer.index.any():
            return Zero(shape)
        if isinstance(arg, Sum) and any(self._wiring_of(term) for term in arg.terms):
            return self._sum([self._wire(key, term) for term in arg.terms], shape)
        inner = self._wiring_of(arg)
        if inner is not None and isinstance(arg, Apply):
            made = wiring.compose(outer, inner)
            return self._wire(self.table.add(stem_of(key), made), arg.arg)
        parts = wiring.factors(outer)
        if parts is None:
            return Apply((key,), arg, shape)
        for part in parts:
            part.function, part.where = outer.function, outer.where
            stem = "flatten" if wiring.keeps_order(part) and len(parts) > 1 else stem_of(key)
            arg = Apply((self.table.add(stem, part),), arg, part.index.shape)
        return arg

    def _wiring_of(self, expr: Expr) -> Wiring | None:
        module = self.table.modules[expr.layers[0]] if isinstance(expr, Apply) else None
        return module if isinstance(module, Wiring) else None

    # ---- linear layers

    def _linear(self, keys: tuple[str, ...], arg: Expr, shape: Shape) -> Expr:
        """One layer per signal, if all that the layer gets comes over wirings that it can take."""
        chain = [self.table.modules[key] for key in keys]
        wirings = [self._wiring_of(term) for term in terms_of(arg)]
        if not all(w is not None and linear_layers.takes_wiring(chain, w) for w in wirings):
            return Apply(keys, arg, shape)
        made: list[Expr] = []
        for term, moved in zip(terms_of(arg), wirings, strict=True):
            assert isinstance(term, Apply)
            assert moved is not None
            rewired = linear_layers.rewired(chain, moved, with_bias=not made)
            key = self.table.add(stem_of(keys[0]), rewired)
            made.append(Apply((key,), term.arg, shape))
        return self._sum(made, shape)
