"""The text form of a Program, whole: what changes here changes for every reader."""

from __future__ import annotations

from neurodeploy.ir.printer import print_program
from neurodeploy.pipeline import load
from tests.unit.test_files import DT, fixed_program, small_graph

FIXED = """\
program net fixed dt=0.001s
  hw = x
input in [1x4x4] graded 4 bit signed scale=3.5
neuron a [2x4x4] cuba_lif bias=5 bias_exp=2 du=4095 dv=100 v_init=0 vth=300 latency=1 scale=64
  synapse in conv2d 2x1x3x3 delay=1 stride=1x1 padding=1x1 dilation=1x1 groups=1 \
weights=[-98..94] exp=1 bits=8
neuron b [5] soft_lif bias=5 bias_exp=2 du=4095 dv=100 subtract=300 v_init=0 vth=300 latency=2 \
scale=64
  synapse a dense 5x32 delay=1 weights=[-100..98] exp=-1 bits=8
neuron c [5] integrator bias=[0..4] bias_exp=2 du=4095 dv=100 v_init=0 latency=3 scale=64
  synapse b sparse 5x5 delay=1 weights=[2..8] exp=2 bits=8
output c
note a note
"""

REAL = """\
program network real dt=0.001s
input input [3] real
neuron lif [2] cuba_lif bias=[-0.01..0.01] du=1 dv=0.1 v_init=0 vth=1
  synapse input dense 2x3 delay=0 weights=[-0.25..1]
output lif
"""


def test_fixed_program():
    assert print_program(fixed_program()) == FIXED


def test_real_program():
    assert print_program(load(small_graph(), DT)) == REAL
