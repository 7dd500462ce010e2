"""Time constants give their decay factor back, and a gain of 1, whatever dt is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
from neurodeploy.frontends.tracer.time_constants import integrating, leaky

STEPS = st.floats(1e-6, 10.0)


@given(st.floats(0.0, 1.0, width=32), STEPS)
def test_float32_decays_come_back(decay, dt):
    tau, r = leaky(np.array([decay]), dt)
    rate = dt / tau
    assert abs((1 - rate[0]) - decay) <= 2**-53 * max(1.0, rate[0])
    assert abs(r[0] * rate[0] - 1) <= 2**-52
    if decay >= 0.5:
        assert 1 - rate[0] == decay


@given(STEPS)
def test_an_integrator_adds_its_input_once(dt):
    assert abs(integrating((2,), dt)[0] * dt - 1) <= 2**-53


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6), STEPS)
def test_arrays_are_taken_element_by_element(decays, dt):
    tau, r = leaky(np.array(decays), dt)
    for i, decay in enumerate(decays):
        alone_tau, alone_r = leaky(np.array([decay]), dt)
        assert (tau[i], r[i]) == (alone_tau[0], alone_r[0])
        assert np.isfinite(tau[i]) and tau[i] > 0
