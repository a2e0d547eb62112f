"""A flow's picture for a page: boxes that can be reached by keyboard, counts on boxes and ways, no styles of its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup, escape

from ivr.flow.draw import plan_drawing
from ivr.flow.draw_layout import Layout, Link, Placed, Route, lay_out
from ivr.flow.draw_svg import curve, place_labels, shorten
from ivr.flow.library import LoadedFlow

#: Shades of `heat-N` in the style sheet, 0 to 9.
_SHADES: Final = 9
_LONGEST: Final = 26
#: In pixels, whatever the width of the way that it ends.
_ARROW: Final = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="10"'
    ' markerHeight="10" orient="auto-start-reverse"><path class="tip" d="M0 0 10 5 0 10z"/></marker></defs>'
)


@dataclass(frozen=True, slots=True)
class Marks:
    """What is written on the picture.

    `entered` counts calls by step, `ways` by (step, target); `here` are calls that are at a step now; `path` are
    steps to be lit in the order in which one call went through them; `trouble` are steps with a word of warning.
    """

    entered: Mapping[str, int] = field(default_factory=dict)
    ways: Mapping[tuple[str, str], int] = field(default_factory=dict)
    here: Mapping[str, int] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    trouble: Mapping[str, str] = field(default_factory=dict)


def diagram(loaded: LoadedFlow, marks: Marks | None = None, *, language: str = "") -> Markup:
    """The picture as SVG within a page; its classes are in `flows/diagram.css`. Each step links to `#step-NAME`."""
    shown = marks or Marks()
    layout = lay_out(plan_drawing(loaded, shown.entered, language), entry=loaded.flow.entry)
    width, height = round(layout.width), round(layout.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow-diagram" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="group" aria-label="{escape(layout.title)}">',
        _ARROW,
    ]
    most = max(shown.ways.values(), default=0)
    parts.extend(_way(route, shown, most) for route in layout.routes)
    parts.extend(_box(place, shown) for place in layout.placed)
    parts.extend(_labels(layout, shown))
    parts.append("</svg>")
    return Markup("\n".join(parts))  # noqa: S704 - every text in it is escaped where it is put in


def _way(route: Route, marks: Marks, most: int) -> str:
    link = route.link
    count = marks.ways.get((link.start, link.target), 0)
    weight = 1 + round(4 * count / most) if most else 1
    lit = any(pair == (link.start, link.target) for pair in itertools.pairwise(marks.path))
    classes = f"way way-{weight}" + (" back" if route.back else "") + (" lit" if lit else "")
    return f'<path class="{classes}" d="{curve(route)}" marker-end="url(#arrow)"/>'


def _box(place: Placed, marks: Marks) -> str:
    box = place.box
    left, top = place.x - place.width / 2, place.y - place.height / 2
    reserved = box.kind == "reserved"
    says = "" if reserved else f"{box.kind} {box.says}".strip()
    heat = f" heat-{round(box.warmth * _SHADES)}" if box.warmth else ""
    lit = " lit" if box.name in marks.path else ""
    inner = (
        f"<title>{escape(box.name)}</title>"
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{place.width:.1f}" height="{place.height:.1f}" rx="8"/>'
        f'<text class="name" x="{place.x:.1f}" y="{place.y - 3 if says else place.y + 5:.1f}">{escape(box.name)}</text>'
    )
    if says:
        short = shorten(says, int(place.width / 6.6))
        inner += f'<text class="says" x="{place.x:.1f}" y="{place.y + 14:.1f}">{escape(short)}</text>'
    inner += _corners(place, marks, left, top)
    group = f'<g class="box kind-{escape(box.kind)}{heat}{lit}">{inner}</g>'
    return (
        group
        if reserved
        else f'<a href="#step-{escape(box.name)}" data-step="{escape(box.name)}">{group}</a>'
    )


def _corners(place: Placed, marks: Marks, left: float, top: float) -> str:
    """How many came, how many are here now, and a warning."""
    name, right = place.box.name, left + place.width
    parts = ""
    if place.box.count is not None:
        parts += f'<text class="count" x="{right - 6:.1f}" y="{top + 12:.1f}">{place.box.count}</text>'
    if here := marks.here.get(name):
        parts += f'<circle class="here" cx="{left:.1f}" cy="{top:.1f}" r="10"/>'
        parts += f'<text class="here-count" x="{left:.1f}" y="{top + 4:.1f}">{here}</text>'
    if trouble := marks.trouble.get(name):
        parts += f'<text class="trouble" x="{right - 2:.1f}" y="{top + place.height + 12:.1f}">{escape(trouble)}</text>'
    return parts


def _labels(layout: Layout, marks: Marks) -> list[str]:
    """Each way's label with its count."""

    def text_of(link: Link) -> str:
        count = marks.ways.get((link.start, link.target))
        return " ".join(filter(None, (shorten(link.label, _LONGEST), f"({count})" if count else "")))

    return [
        f'<rect class="label-ground" x="{one.x - one.half * 0.92 - 2:.1f}" y="{one.y - 10:.1f}"'
        f' width="{one.half * 1.84 + 4:.1f}" height="13" rx="3"/>'
        f'<text class="label" x="{one.x:.1f}" y="{one.y:.1f}">{escape(one.text)}</text>'
        for one in place_labels(layout, text_of)
    ]
