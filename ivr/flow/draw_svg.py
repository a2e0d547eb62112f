"""A laid-out flow as SVG text: boxes by kind, curved links with their labels, warm where calls are many."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from ivr.flow.draw_layout import Layout, Link, Placed, Route, text_width

#: Fill, border and the radius of the corners, by kind of step.
_LOOK: Final[Mapping[str, tuple[str, str, int]]] = {
    "menu": ("#e0f2fe", "#0284c7", 10),
    "collect": ("#e0f2fe", "#0284c7", 10),
    "say": ("#f8fafc", "#64748b", 6),
    "do": ("#ecfdf5", "#059669", 2),
    "call": ("#f5f3ff", "#7c3aed", 2),
    "transfer": ("#fef3c7", "#d97706", 6),
    "voicemail": ("#fef3c7", "#d97706", 6),
    "record": ("#fef3c7", "#d97706", 6),
    "when": ("#f1f5f9", "#334155", 22),
    "hours": ("#f1f5f9", "#334155", 22),
    "hangup": ("#fee2e2", "#dc2626", 22),
    "return": ("#fee2e2", "#dc2626", 22),
    "reserved": ("#ffffff", "#94a3b8", 22),
}
_OTHER: Final = ("#f8fafc", "#64748b", 6)
_LONGEST_LABEL: Final = 28
_STYLE: Final = (
    "text{font-family:'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',system-ui,sans-serif;fill:#0f172a}"
    ".n{font-size:13px;font-weight:600}.k{font-size:11px;fill:#475569}.l{font-size:11px;fill:#334155}"
    ".t{font-size:17px;font-weight:700}.c{font-size:10px;font-weight:700;fill:#9a3412}"
    ".e{fill:none;stroke:#64748b;stroke-width:1.4}.b{stroke:#a8a29e;stroke-dasharray:5 4}"
)


def svg(layout: Layout) -> str:
    """The whole picture."""
    width, height = round(layout.width), round(layout.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(layout.title)}">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#64748b"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text class="t" x="24" y="32">{escape(layout.title)}</text>',
    ]
    parts.extend(_path(route) for route in layout.routes)
    parts.extend(_box(place) for place in layout.placed)
    parts.extend(_labels(layout))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _box(place: Placed) -> str:
    fill, border, radius = _LOOK.get(place.box.kind, _OTHER)
    fill = heat_colour(place.box.warmth) if place.box.warmth else fill
    left, top = place.x - place.width / 2, place.y - place.height / 2
    says = f"{place.box.kind} {place.box.says}".strip() if place.box.kind != "reserved" else ""
    name_y = place.y - 3 if says else place.y + 5
    count = ""
    if place.box.count is not None:
        count = f'<text class="c" text-anchor="end" x="{left + place.width - 6:.1f}" y="{top + 12:.1f}">'
        count += f"{place.box.count}</text>"
    return (
        f'<g><title>{escape(place.box.name)}</title><rect x="{left:.1f}" y="{top:.1f}" '
        f'width="{place.width:.1f}" height="{place.height:.1f}" rx="{radius}" fill="{fill}" '
        f'stroke="{border}" stroke-width="1.3"/>'
        f'<text class="n" text-anchor="middle" x="{place.x:.1f}" y="{name_y:.1f}">{escape(place.box.name)}</text>'
        + (
            f'<text class="k" text-anchor="middle" x="{place.x:.1f}" y="{place.y + 14:.1f}">'
            f"{escape(shorten(says, int(place.width / 6.6)))}</text>"
            if says
            else ""
        )
        + count
        + "</g>"
    )


def shorten(text: str, most: int) -> str:
    """The text, cut with an ellipsis where it has more than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def curve(route: Route) -> str:
    """The link as the data of an SVG path."""
    (x, y), steps = route.points[0], []
    for here, there in itertools.pairwise(route.points):
        middle = (here[1] + there[1]) / 2
        steps.append(f"C{here[0]:.1f} {middle:.1f} {there[0]:.1f} {middle:.1f} {there[0]:.1f} {there[1]:.1f}")
    return f"M{x:.1f} {y:.1f}{''.join(steps)}"


def _path(route: Route) -> str:
    kind = "e b" if route.back else "e"
    return f'<path class="{kind}" d="{curve(route)}" marker-end="url(#a)"/>'


@dataclass(frozen=True, slots=True)
class Label:
    """A text with the middle of its base line, and half its width, in pixels."""

    text: str
    x: float
    y: float
    half: float


def place_labels(layout: Layout, text_of: Callable[[Link], str]) -> list[Label]:
    """Each label near the beginning of its link, moved down a line where another stands already."""
    placed: list[Label] = []
    for route in layout.routes:
        text = text_of(route.link)
        if not text:
            continue
        (x1, y1), (x2, y2) = route.points[0], route.points[1]
        x, y, half = (x1 + x2) / 2, (y1 + y2) / 2 + 4, text_width(text) / 2
        while any(abs(y - other.y) < 13 and abs(x - other.x) < half + other.half for other in placed):
            y += 13
        placed.append(Label(text, x, y, half))
    return placed


def _labels(layout: Layout) -> list[str]:
    return [
        f'<rect x="{one.x - one.half * 0.92 - 2:.1f}" y="{one.y - 10:.1f}" width="{one.half * 1.84 + 4:.1f}" height="13" '
        f'rx="3" fill="#ffffff" opacity="0.85"/><text class="l" text-anchor="middle" x="{one.x:.1f}" '
        f'y="{one.y:.1f}">{escape(one.text)}</text>'
        for one in place_labels(layout, lambda link: shorten(link.label, _LONGEST_LABEL))
    ]


def heat_colour(warmth: float) -> str:
    """From pale to orange-red as `warmth` goes from 0 to 1, as a hexadecimal colour."""
    cold, hot = (255, 247, 237), (251, 113, 60)
    parts = [round(a + (b - a) * min(1.0, max(0.0, warmth))) for a, b in zip(cold, hot, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in parts)
