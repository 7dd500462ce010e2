"""inspect: what a graph holds, what looks wrong in it, and its picture."""

from __future__ import annotations

import json
from itertools import pairwise
from xml.etree import ElementTree

import nir
import numpy as np
import pytest

from neurodeploy.errors import ConfigError
from neurodeploy.ir.description import describe
from neurodeploy.ir.files import write_nir
from neurodeploy.ir.graph_warnings import common_dt, graph_warnings
from neurodeploy.primitives import PRIMITIVES
from neurodeploy.report.network_pictures import graph_diagram, program_diagram
from neurodeploy.report.picture import Arrow, Box, Diagram, draw
from neurodeploy.report.picture.diagram import printable, text_width
from neurodeploy.report.picture.draw import count_boxes
from neurodeploy.report.picture.ranks import rank
from neurodeploy.report.picture.routes import place
from neurodeploy.report.picture.rows import place_rows
from tests.unit.test_cli import run
from tests.unit.test_files import DT, fixed_program, small_graph

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'&]]>",
    "a" * 300,
    "ニューロン" * 9,
    "\x08\u202eb\ud800",
    "",
)


def lif(**changes) -> nir.LIF:
    values = {"tau": 1e-2, "r": 10.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    return nir.LIF(**{k: np.full(3, v) for k, v in (values | changes).items()})


def chain(*nodes, extra=(), edges=(), size=3) -> nir.NIRGraph:
    names = [f"n{i}" for i in range(len(nodes))]
    way = ["input", *names, "output"]
    ports = {
        "input": nir.Input({"input": np.array([size])}),
        "output": nir.Output({"output": np.array([size])}),
    }
    steps = list(pairwise(way))
    return nir.NIRGraph(
        ports | dict(zip(names, nodes, strict=True)) | dict(extra), [*steps, *edges],
        type_check=False,
    )  # fmt: skip


def rules(graph, dt=DT):
    described, _ = describe(graph, PRIMITIVES, dt=dt)
    return {(w.where, w.rule) for w in graph_warnings(graph, described)}


def test_time_constants_gains_and_shapes():
    described, problems = describe(small_graph(), PRIMITIVES, dt=DT)
    assert problems == ()
    assert [n.name for n in described.nodes] == ["input", "fc", "lif", "output"]
    fc, neuron = described.nodes[1:3]
    assert (fc.in_shape, fc.out_shape, fc.weights) == ((3,), (2,), 6)
    assert (fc.parameters["weight"].low, fc.parameters["weight"].high) == (-0.25, 1.0)
    (tau,) = neuron.time_constants
    assert (tau.seconds.mean, tau.steps.mean) == pytest.approx((1e-2, 10.0))
    (gain,) = neuron.gains
    assert (gain.gain.mean, gain.dt_for_one.mean) == pytest.approx((1.0, DT))


def test_without_dt_times_are_in_seconds_and_the_dt_of_gain_one_is_named():
    described, problems = describe(small_graph(), PRIMITIVES)
    assert problems == ()
    neuron = described.nodes[2]
    assert neuron.time_constants[0].steps is None
    assert neuron.gains[0].gain is None
    assert neuron.gains[0].dt_for_one.low == pytest.approx(DT)


def test_the_dt_that_a_producer_assumed():
    def common(*nodes):
        return common_dt(describe(chain(*nodes), PRIMITIVES)[0])

    step = nir.IF(np.ones(3), np.ones(3))
    assert common(step, step) == 1.0
    assert common(lif(), chain(lif())) == pytest.approx(DT)
    assert common(step, lif()) is None
    assert common(nir.Linear(np.eye(3))) is None
    assert common(lif(r=0.0)) is None


def test_a_current_has_a_gain_of_its_own():
    node = nir.CubaLIF(*(np.full(3, v) for v in (2e-3, 4e-3, 8.0, 0.0, 1.0)), w_in=np.full(3, 3.0))
    described, _ = describe(chain(node), PRIMITIVES, dt=DT)
    gains = {g.into: g.gain.mean for g in described.nodes[1].gains}
    assert gains == pytest.approx({"current": 1.5, "voltage": 2.0})


@pytest.mark.parametrize(
    ("node", "rule"),
    [
        (lif(r=1e-3), "small-gain"),
        (lif(r=1e4), "large-gain"),
        (lif(r=-1.0), "negative-gain"),
        (lif(r=0.0), "gain"),
        (lif(tau=1e-4), "dt"),
        (lif(tau=-1.0), "tau"),
        (lif(v_reset=1.0), "threshold"),
        (lif(v_leak=2.0), "threshold"),
        (nir.Delay(np.full(3, 1.5e-3)), "delay"),
        (nir.Linear(np.zeros((3, 3))), "zero-weights"),
    ],
)
def test_what_looks_wrong_is_said(node, rule):
    assert ("node n0", rule) in rules(chain(node, lif()))
    assert ("node n1", rule) not in rules(chain(node, lif()))


def test_a_leak_at_the_threshold_never_fires():
    assert rules(chain(lif(v_leak=1.0))) == set()


def test_dead_unreached_and_recurrent():
    extra = {"dead": lif(), "lost": lif()}
    edges = [("n0", "dead"), ("lost", "n0"), ("n0", "n0")]
    assert rules(chain(lif(), extra=extra, edges=edges)) == {
        ("node dead", "dead"),
        ("node lost", "unreached"),
        ("edge n0 -> n0", "recurrent"),
    }


def test_a_shape_that_the_nir_package_gets_wrong():
    """nir 1.0.8 uses the kernel's height for both axes."""
    conv = nir.Conv2d((8, 8), np.ones((4, 2, 3, 5)), 1, 0, 1, 1, np.zeros(4))
    graph = chain(conv)
    graph.nodes["input"] = nir.Input({"input": np.array([2, 8, 8])})
    graph.nodes["output"] = nir.Output({"output": np.array([4, 6, 4])})
    described, problems = describe(graph, PRIMITIVES, dt=DT)
    assert problems == ()
    found = [w for w in graph_warnings(graph, described) if w.rule == "nir-shape"]
    assert [w.detail for w in found] == [
        "the nir package takes its output for (4, 6, 6), it is (4, 6, 4)"
    ]


def test_warnings_within_a_nested_graph_name_the_way():
    inner = chain(lif(r=1e-3), edges=[("n0", "n0")])
    assert rules(chain(inner)) >= {
        ("node n0.n0", "small-gain"),
        ("edge n0.n0 -> n0.n0", "recurrent"),
    }


def test_command_on_a_graph(tmp_path, capsys):
    write_nir(tmp_path / "net.nir", small_graph(), {})
    assert run("inspect", tmp_path / "net.nir", "--svg", tmp_path / "net.svg") == 0
    out = capsys.readouterr().out
    assert "4 nodes, 3 edges, 6 weights, no dt: times in seconds only" in out
    assert "1 at dt 0.001 s" in out
    assert "note: dt 0.001 s would give every neuron gain 1" in out
    assert "Populations" not in out
    ElementTree.parse(tmp_path / "net.svg")
    assert run("inspect", tmp_path / "net.nir", "--dt", DT, "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert [n["name"] for n in whole["graph"]["nodes"]] == ["input", "fc", "lif", "output"]
    assert [n["model"] for n in whole["neurons"]] == ["cuba_lif"]
    assert whole["problems"] == whole["warnings"] == []


def test_a_broken_graph_is_shown_and_refused(tmp_path, capsys):
    graph = small_graph()
    graph.nodes["lif"] = lif()
    write_nir(tmp_path / "net.nir", graph, {"dt": DT})
    assert run("inspect", tmp_path / "net.nir", "--svg", tmp_path / "net.svg") == 1
    shown = capsys.readouterr()
    assert "Nodes" in shown.out
    assert "error: node lif [shape]: " in shown.err
    ElementTree.parse(tmp_path / "net.svg")


def test_the_picture_goes_to_an_svg_file_only(tmp_path, capsys):
    write_nir(tmp_path / "net.nir", small_graph(), {"dt": DT})
    assert run("inspect", tmp_path / "net.nir", "--svg", tmp_path / "net.nir") == 2
    assert "[suffix]" in capsys.readouterr().err


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_hostile_names_are_text(tmp_path):
    nodes = {name: lif() for name in HOSTILE}
    names = ["input", *HOSTILE, "output"]
    edges = [*pairwise(names), (HOSTILE[0], HOSTILE[4])]
    graph = nir.NIRGraph(chain(lif()).nodes | nodes, edges, type_check=False)
    svg = draw(graph_diagram(describe(graph, PRIMITIVES, dt=DT, name=HOSTILE[0])[0]))
    svg.encode("utf-8")
    root = ElementTree.fromstring(svg)
    allowed = {"svg", "title", "style", "defs", "marker", "path", "rect", "g", "text"}
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= allowed
    assert not [k for e in root.iter() for k in e.attrib if k.startswith("on") or "href" in k]
    assert "(no name)" in texts(svg)
    assert "\"'&]]>" in texts(svg)
    assert not any(len(t) > 60 or "\u202e" in t for t in texts(svg))


def test_printable_keeps_one_line():
    assert printable("a\nb\tc\x00d\u202ee") == "a b c\ufffdd\ufffde"


def random_diagram(seed: int) -> Diagram:
    """Up to 24 boxes with forward, skipping, backward and self arrows."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 25))
    boxes = [Box("0", "input", (), "port")]
    arrows = []
    for i in range(1, count):
        boxes.append(Box(str(i), "n" * int(rng.integers(1, 30)), ("x",) * int(rng.integers(0, 4))))
        for j in set(rng.integers(max(0, i - 5), i, size=int(rng.integers(1, 3)))):
            arrows.append(Arrow(str(j), str(i)))
        if rng.random() < 0.2:
            arrows.append(Arrow(str(i), str(int(rng.integers(1, i + 1))), True))
    return Diagram(tuple(boxes), tuple(arrows))


def placed(diagram, sizes, wrap):
    ranks = rank(diagram)
    rows = place_rows(ranks, {n: h for n, (_, h) in sizes.items() if n not in ranks.below})
    return place(ranks, rows, sizes, wrap)


@pytest.mark.parametrize("wrap", [300.0, 700.0, 1e9])
def test_boxes_never_overlap_and_every_arrow_is_drawn(wrap):
    for seed in range(60):
        diagram = random_diagram(seed)
        rng = np.random.default_rng(seed)
        sizes = {b.name: (float(rng.integers(50, 180)), float(rng.integers(26, 70)))
                 for b in diagram.boxes}  # fmt: skip
        found = placed(diagram, sizes, wrap)
        wanted = {(a.source, a.target) for a in diagram.arrows}
        assert {(line.source, line.target) for line in found.lines} == wanted, seed
        corners = np.array([found.corner[b.name] for b in diagram.boxes])
        extent = np.array([sizes[b.name] for b in diagram.boxes])
        ends = corners + extent
        apart = (ends[:, None] <= corners[None] + 1e-6).any(-1)
        overlap = ~(apart | apart.T) & ~np.eye(len(corners), dtype=bool)
        assert not overlap.any(), (seed, np.argwhere(overlap))
        assert (corners >= -1e-6).all(), seed
        assert (ends[:, 1] <= found.height + 1e-6).all(), seed
        assert (ends[:, 0] <= found.width + 1e-6).all(), seed


def test_arrows_lead_right_and_feedback_stands_below():
    graph = chain(lif(), lif(), extra={"rec": nir.Linear(np.eye(3))},
                  edges=[("n0", "rec"), ("rec", "n0")])  # fmt: skip
    diagram = graph_diagram(describe(graph, PRIMITIVES, dt=DT)[0])
    ranks = rank(diagram)
    assert ranks.returning == (("rec",),)
    assert ranks.backward == (("rec", "n0"),)
    assert [ranks.column[n] for n in ("input", "n0", "n1", "output")] == [0, 1, 2, 3]
    found = placed(diagram, {b.name: (80.0, 40.0) for b in diagram.boxes}, 1e9)
    assert found.corner["rec"][1] > found.corner["n0"][1] + 40
    assert len({found.corner[n][1] for n in ("input", "n0", "n1", "output")}) == 1


def test_words_fit_into_their_boxes():
    box = Box("a", "W" * 80, ("m" * 80,))
    root = ElementTree.fromstring(draw(Diagram((box,))))
    width = max(float(r.get("width", 0)) for r in root.iter(f"{SVG}rect") if r.get("rx") == "5")
    for words in root.iter(f"{SVG}text"):
        if words.get("text-anchor") == "middle":
            assert text_width(words.text or "", float(words.get("font-size", 0))) < width


def test_a_nested_graph_is_a_box_around_its_own():
    inner = chain(lif(), nir.Linear(np.eye(3)))
    diagram = graph_diagram(describe(chain(inner, lif()), PRIMITIVES, dt=DT)[0])
    assert count_boxes(diagram) == 8
    assert texts(draw(diagram)).count("input") == 2


def test_programs_and_pictures_that_are_too_large():
    words = texts(draw(program_diagram(fixed_program())))
    assert {"in", "a", "b", "c", "conv2d", "dense", "sparse", "soft_lif"} <= set(words)
    with pytest.raises(ConfigError, match="501 nodes"):
        draw(Diagram(tuple(Box(str(i), str(i)) for i in range(501))))
