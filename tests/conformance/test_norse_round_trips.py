"""Norse to NIR and back to Norse: our .nir keeps the spikes, in our hands and in Norse's."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("norse.torch")

from tests.conformance.norse_table.round_trips import NETWORKS, round_trip

FLOAT32 = 2  # spikes that Norse's rounding may move
# what norse 1.1.0's reader leaves out of a file: v_reset, and all of Threshold and Scale
LOST_BY_NORSE = {
    "LIFCell, v_reset = -0.1",
    "LIFBoxCell, v_reset = -0.1",
    "LIFBoxCell, reset_subtract",
}
RIGHT_IN_NORSE = {"IAFCell"}  # its own export and import


@pytest.mark.parametrize("name", NETWORKS)
def test_spikes_survive_where_norses_own_round_trip_changes_them(name):
    found = round_trip(name)
    assert found.spikes > 300
    assert found.ours == 0
    if name not in LOST_BY_NORSE:
        assert isinstance(found.our_file, int)
        assert found.our_file <= FLOAT32
    if name in RIGHT_IN_NORSE:
        assert found.own == 0
    else:
        assert isinstance(found.own, str) or found.own > found.spikes / 3
