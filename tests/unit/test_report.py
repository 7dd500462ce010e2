"""Reports: self-contained, escaped, legible numbers, and equal to their golden text."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from neurodeploy.bench.results import read_results
from neurodeploy.bench.schema import SCHEMA_FILE, read_schema, schema_text
from neurodeploy.errors import ConfigError
from neurodeploy.report import write_joint_report, write_report
from neurodeploy.report.csv_table import render_csv
from neurodeploy.report.latex import render_latex
from neurodeploy.report.markdown import render_markdown
from neurodeploy.report.sections import build_document
from neurodeploy.report.svg import Axis, log_axis, shortened
from neurodeploy.report.text import percent, price, si, significant

from . import bench_sample as sample

GOLDEN = Path(__file__).parent.parent / "golden"
EVIL = "<script>alert('\"x\"')|*&"


class Page(HTMLParser):
    """Tags, attributes, ids and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("report")
    write_report(sample.results(), target / "report.html")
    return target


def test_every_format_and_the_results_unchanged(folder):
    ends = ("card.md", "csv", "html", "json", "md", "tex")
    assert sorted(p.name for p in folder.iterdir()) == [f"report.{end}" for end in ends]
    assert read_results(folder / "report.json") == sample.results()


def test_json_alone_rebuilds_the_report(folder, tmp_path):
    write_report(folder / "report.json", tmp_path / "again.html")
    for path in folder.iterdir():
        assert (tmp_path / path.name.replace("report", "again")).read_text() == path.read_text()


def test_the_page_loads_nothing_and_its_one_script_sorts_tables(folder):
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert not {"img", "iframe", "object", "embed"} & set(page.tags)
    assert page.tags.count("script") == 1
    assert not {"src", "xlink:href"} & {name for name, _ in page.attributes}
    links = [v for name, v in page.attributes if name == "href"]
    assert all(v.startswith(("#", "data:,", "https://")) for v in links)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp", text)


def test_every_reference_to_a_source_leads_somewhere(folder):
    page = Page((folder / "report.html").read_text())
    ids = {value for name, value in page.attributes if name == "id"}
    targets = {v[1:] for name, v in page.attributes if name == "href" and v.startswith("#")}
    assert targets <= ids
    assert len({t for t in targets if t.startswith("source-")}) >= 5


def test_every_price_stands_in_the_page_with_its_source(folder):
    words = " ".join(Page((folder / "report.html").read_text()).words)
    for chip in sample.results().hardware:
        for quantity in chip.prices.values():
            assert quantity.source in words
            assert price(quantity.value, quantity.unit) in words


def test_names_are_text_and_never_markup(tmp_path):
    write_report(sample.results(hidden=EVIL, title=f"{EVIL}</script>"), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert page.tags.count("script") == 1
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert EVIL in "".join(page.words)
    markdown = (tmp_path / "report.md").read_text()
    assert "\\<script\\>" in markdown
    assert "<script>" not in markdown

    assert "<script>" not in (tmp_path / "report.tex").read_text()


def test_every_number_leads_to_its_prices_and_they_to_a_link(folder):
    text = (folder / "report.html").read_text()
    assert 'href="#prices-loihi1"' in text
    assert 'id="prices-loihi1"' in text
    davies = re.search(r'<li id="source-(\d+)">M. Davies et al.*?<a href="(https://[^"]+)"', text)
    assert davies is not None
    assert davies[2].startswith("https://doi.org/")
    assert f'<a href="#source-{davies[1]}">' in text


def test_a_link_that_is_no_https_is_not_followed(tmp_path):
    results = sample.results()
    chip = results.hardware[0]
    price = replace(chip.prices["spike"], link="javascript:alert(1)")
    evil = replace(chip, prices={**chip.prices, "spike": price})
    write_report(replace(results, hardware=(evil, *results.hardware[1:])), tmp_path / "r.html")
    page = Page((tmp_path / "r.html").read_text())
    assert not any("javascript:" in value for _, value in page.attributes)


def test_results_validate_against_the_schema_that_is_shipped(folder):
    jsonschema = pytest.importorskip("jsonschema")
    # python -m neurodeploy.bench.schema > neurodeploy/bench/results.schema.json
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()
    data = json.loads((folder / "report.json").read_text())
    schema = read_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(data)
    for damage in ({"surprise": 1}, {"schema": "neurodeploy.results/1"}, {"energy": {}}):
        assert not validator.is_valid(data | damage)


def test_several_comparisons_on_one_page(folder, tmp_path):
    write_report(sample.results(title="Another"), tmp_path / "other.html")
    both = [folder / "report.json", tmp_path / "other.json"]
    written = write_joint_report(both, tmp_path / "both.html")
    assert [p.name for p in written] == ["both.html", "both.md", "both.csv"]
    page = Page((tmp_path / "both.html").read_text())
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {v[1:] for name, v in page.attributes if name == "href" and v.startswith("#")}
    assert targets <= set(ids)
    words = " ".join(page.words)
    assert "Another: Energy" in words and "A sample: Energy" in words
    heads = (tmp_path / "both.csv").read_text().count("network,side,hardware")
    assert heads == 1


def test_csv_is_long_and_adds_up(folder):
    with (folder / "report.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    totals = [r for r in rows if r["quantity"] == "energy, total" and r["value"]]
    assert len(totals) == sum(e.energy_j is not None for e in sample.results().energy)
    for total in totals:
        keys = ("side", "hardware", "precision", "model")
        parts = [
            float(r["value"])
            for r in rows
            if all(r[k] == total[k] for k in keys) and r["layer"] and r["value"]
        ]
        assert sum(parts) == pytest.approx(float(total["value"]))
    assert {r["evidence"] for r in rows if r["hardware"] == "loihi2"} == {"unpriced"}
    assert all(r["unit"] for r in rows)


def test_csv_holds_no_formula():
    text = render_csv(sample.results(hidden="=1+1"))
    assert "'=1+1" in text
    assert not re.search(r"(^|,)=1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["hidden", EVIL, r"\input{x}~^$#", "µ×→é漢"])
def test_latex_is_balanced_and_compiles(tmp_path, name):
    path = tmp_path / "paper.tex"
    path.write_text(render_latex(sample.results(hidden=name)), encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    assert "\\input{x}" not in text
    for table in re.findall(r"\\toprule(.*?)\\bottomrule", text, flags=re.DOTALL):
        widths = {len(re.findall(r"(?<!\\)&", row)) for row in table.split(r"\\")[:-1]}
        assert len(widths) == 1
    if shutil.which("pdflatex"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_the_card_says_what_a_reviewer_asks(folder):
    text = (folder / "report.card.md").read_text()
    for words in ("counting convention", "boundary", "MACs per inference", "quality unknown"):
        assert words in text
    assert "estimate" in text


def test_a_name_with_a_bar_does_not_break_markdown_tables(tmp_path):
    write_report(sample.results(hidden="a|b"), tmp_path / "report.html")
    lines = (tmp_path / "report.md").read_text().splitlines()
    row = next(line for line in lines if line.startswith("| a\\|b"))
    header = next(line for line in lines if line.startswith("| Layer "))
    assert len(re.findall(r"(?<!\\)\|", row)) == header.count("|")


def test_figures_are_well_formed_and_have_words():
    document = build_document(sample.results(hidden=EVIL))
    shown = [figure for section in document.sections for figure in section.figures]
    assert len(shown) >= 4
    for figure in shown:
        root = ElementTree.fromstring(figure.svg)
        assert root.get("aria-label") == figure.caption
        assert figure.text
        assert not re.search(r"nan|inf\b", figure.svg)


def test_estimates_are_called_estimates_and_unpriced_ones_unpriced(folder):
    words = " ".join(Page((folder / "report.html").read_text()).words)
    assert "estimated, not measured" in words
    assert "unpriced" in words
    assert "aten.avg_pool2d (4 calls)" in words


def test_a_difference_that_must_not_be_is_shown_as_bad(tmp_path):
    results = sample.results()
    broken = replace(results.agreement[0], differing=3, first_step=2, first_neuron=5)
    write_report(replace(results, agreement=(broken,)), tmp_path / "report.html")
    assert 'class="number bad">3<' in (tmp_path / "report.html").read_text()


def test_a_bare_run_still_makes_a_report(tmp_path):
    results = sample.results()
    bare = replace(
        results,
        ann=None,
        agreement=(),
        quality=(),
        raster=(),
        ratios=(),
        break_even=(),
        hardware=(),
        energy=(),
        caveats=(),
        network=replace(results.network, ann_passes=None),
    )
    write_report(bare, tmp_path / "report.html")
    assert "Quality" not in (tmp_path / "report.md").read_text()


def test_golden_results_make_the_golden_text():
    """Old results files stay readable. To renew both: python tests/golden/renew_report.py."""
    results = read_results(GOLDEN / "report_results.json")
    text = render_markdown(build_document(results))
    assert text == (GOLDEN / "report.md").read_text(encoding="utf-8")


def test_the_output_s_name_must_be_html(tmp_path):
    with pytest.raises(ConfigError, match=r"report\.txt"):
        write_report(sample.results(), tmp_path / "report.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.36e-11, "24 pJ"),
        (9.96e-7, "1.0 µJ"),
        (9.94e-7, "990 nJ"),
        (1.2e-4, "120 µJ"),
        (0.0, "0 J"),
        (3.2, "3.2 J"),
        (4e-17, "0.040 fJ"),
        (None, "unpriced"),
    ],
)
def test_joules_in_two_digits(value, text):
    assert si(value, "J") == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0999, "0.10"), (1234.0, "1200"), (0.5, "0.50"), (99.6, "100"), (0, "0")]
)
def test_significant_digits_carry(value, text):
    assert significant(value) == text


def test_prices_keep_the_digits_of_their_source():
    assert price(23.6e-12, "J") == "23.6 pJ"
    assert price(1.3e-9, "J") == "1.3 nJ"
    assert price(131072, "1") == "131,072"
    assert percent(0.00123) == "0.12 %"


def test_axes_place_values_and_choose_round_ticks():
    linear = Axis(0.0, 18.2e-6, 100, 500)
    assert linear(0.0) == 100
    assert linear(18.2e-6) == 500
    assert 4 <= len(linear.ticks()) <= 10
    log = log_axis([0.03, 4.0], 0, 300)
    assert log.ticks() == pytest.approx([0.01, 0.1, 1.0, 10.0])
    assert log(1.0) == pytest.approx(200)


def test_long_names_are_cut_in_the_middle():
    assert shortened("short", 10) == "short"
    assert shortened("a_very_long_layer_name", 11) == "a_ver…_name"
