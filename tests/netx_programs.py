"""Programs that came through a file, compared field by field."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurodeploy.ir.program import Program


def assert_same(found: Program, expected: Program) -> None:
    """Every field, arrays by value; a parameter that is the same for all neurons may be one."""
    assert replace(found, neurons=(), synapses=()) == replace(expected, neurons=(), synapses=())
    for a, b in zip(found.neurons, expected.neurons, strict=True):
        assert replace(a, params={}) == replace(b, params={})
        assert a.params.keys() == b.params.keys()
        for key, value in a.params.items():
            np.testing.assert_array_equal(*np.broadcast_arrays(value, b.params[key]), err_msg=key)
    for s, t in zip(found.synapses, expected.synapses, strict=True):
        assert replace(s, weights=0, kind="dense") == replace(t, weights=0, kind="dense")
        matrices = [x.weights.toarray() if x.kind == "sparse" else x.weights for x in (s, t)]
        np.testing.assert_array_equal(*matrices, err_msg=s.name)
