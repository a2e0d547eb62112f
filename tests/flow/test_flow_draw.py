"""Pictures of flows."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flow_folder import FILES, MANIFEST, write_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow import LoadedFlow, draw_flow, load_flows
from ivr.flow.draw_layout import Box, Drawing, Link, lay_out


@pytest.fixture
def main_flow(tmp_path: Path) -> LoadedFlow:
    return load_flows(write_folder(tmp_path), MANIFEST)["main"]


def test_mermaid_shows_every_step_and_every_written_way(main_flow: LoadedFlow) -> None:
    text = draw_flow(main_flow)
    assert text.startswith("---\ntitle: Main\n---\nflowchart TD\n")
    for step in main_flow.flow.steps:
        assert f"    s_{step}" in text
    assert 's_menu -->|"1"| s_who' in text
    assert 's_premium -->|"due.days_overdue &gt; 30"| s_overdue' in text
    assert 's_opening -->|"closed · holiday"| s_message' in text


def test_svg_is_well_formed_and_has_a_box_for_every_step(main_flow: LoadedFlow) -> None:
    root = ElementTree.fromstring(draw_flow(main_flow, "svg"))
    titles = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert set(main_flow.flow.steps) <= set(titles)
    assert float(root.attrib["width"]) > 100


def test_heat_is_shown_with_its_count_and_warms_the_busiest_most(main_flow: LoadedFlow) -> None:
    picture = draw_flow(main_flow, "svg", {"menu": 70, "bye": 7})
    assert ">70</text>" in picture
    assert "#fb713c" in picture
    assert "style s_menu fill:#fb713c" in draw_flow(main_flow, "mermaid", {"menu": 70, "bye": 7})


def test_text_from_a_flow_cannot_become_markup(tmp_path: Path) -> None:
    text = FILES["main.yaml"].replace("{en: Main}", "{en: \"<script>alert(1)</script> & 'x'\"}")
    loaded = load_flows(write_folder(tmp_path, main=text), MANIFEST)["main"]
    picture = draw_flow(loaded, "svg")
    assert "<script" not in picture
    ElementTree.fromstring(picture)


def test_the_same_flow_is_drawn_the_same_way(main_flow: LoadedFlow) -> None:
    assert draw_flow(main_flow, "svg") == draw_flow(main_flow, "svg")


_steps = st.integers(1, 14)


@given(data=st.data(), count=_steps)
@settings(max_examples=60, deadline=None)
def test_no_two_boxes_overlap_whatever_the_graph(data: st.DataObject, count: int) -> None:
    names = [f"s{number}" for number in range(count)]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names))
    links = data.draw(st.lists(pairs, max_size=count * 3, unique=True))
    boxes = tuple(Box(name, "say", "x" * (number % 30)) for number, name in enumerate(names))
    layout = lay_out(Drawing("t", boxes, tuple(Link(a, b) for a, b in links)), entry=names[0])
    for at, one in enumerate(layout.placed):
        assert one.x - one.width / 2 >= 0
        assert one.x + one.width / 2 <= layout.width
        assert one.y + one.height / 2 <= layout.height
        for other in layout.placed[at + 1 :]:
            apart = abs(one.x - other.x) + 0.01 >= (one.width + other.width) / 2
            assert apart or abs(one.y - other.y) >= one.height
    assert len(layout.routes) == len(links)


def test_ways_back_are_marked(main_flow: LoadedFlow) -> None:
    assert re.search(r'class="e b"', draw_flow(main_flow, "svg"))
