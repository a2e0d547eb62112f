"""Boxes in layers from top to bottom: a small form of Sugiyama's method (IEEE Trans. SMC 11, 1981).

Layers by longest way without the links that lead back; long links get a place in each layer they pass; order
within a layer by the middle of the neighbours, a few times down and up; then columns are pulled together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

SWEEPS: Final = 12
BOX_HEIGHT: Final = 46.0
GAP: Final = 26.0
LAYER_GAP: Final = 58.0
MARGIN: Final = 24.0
TITLE_HEIGHT: Final = 40.0
_PASS_WIDTH: Final = 10.0
_NARROW, _WIDE = 7.0, 12.5


@dataclass(frozen=True, slots=True)
class Box:
    """One step: its name, kind, what it names (a prompt, a service), how many calls came, and how warm it is."""

    name: str
    kind: str
    says: str
    count: int | None = None
    warmth: float = 0.0


@dataclass(frozen=True, slots=True)
class Link:
    """A way between two steps; ways with the same ends are one link."""

    start: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is to be drawn."""

    title: str
    boxes: tuple[Box, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A box with its middle and size, in pixels."""

    box: Box
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT


@dataclass(frozen=True, slots=True)
class Route:
    """A link with the points it passes; `back` leads upwards."""

    link: Link
    points: tuple[tuple[float, float], ...]
    back: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything with its place."""

    title: str
    placed: tuple[Placed, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


@dataclass(slots=True)
class _Grid:
    """Nodes of the layers: boxes by name, and `link index:layer` where a long link passes."""

    layers: list[list[str]]
    width: dict[str, float]
    up: dict[str, list[str]] = field(default_factory=dict)
    down: dict[str, list[str]] = field(default_factory=dict)


def text_width(text: str) -> float:
    """About how wide a text is at 12 pixels, in pixels; Chinese characters are wider."""
    return sum(_WIDE if ord(character) > 0x2E7F else _NARROW for character in text)


def lay_out(drawing: Drawing, entry: str) -> Layout:
    """Places for all boxes and links; `entry` stands at the top. Deterministic."""
    names = [box.name for box in drawing.boxes]
    links = [link for link in drawing.links if link.start in names and link.target in names]
    back = _back_links(names, links, entry)
    rank = _ranks(names, links, back)
    widths = {box.name: _box_width(box) for box in drawing.boxes}
    grid, passes = _grid(names, links, back, rank, widths)
    _order(grid)
    x = _columns(grid)
    placed = tuple(
        Placed(box, x[box.name], _layer_y(rank[box.name]), widths[box.name]) for box in drawing.boxes
    )
    by_name = {place.box.name: place for place in placed}
    routes = tuple(
        _route(link, number in back, passes.get(number, ()), by_name, x) for number, link in enumerate(links)
    )
    right = max((point[0] for route in routes for point in route.points), default=0.0)
    width = max([right, *(place.x + place.width / 2 for place in placed), text_width(drawing.title) * 1.4])
    return Layout(drawing.title, placed, routes, width + MARGIN, _layer_y(max(rank.values(), default=0)) + 70)


def _box_width(box: Box) -> float:
    says = f"{box.kind} {box.says}".strip() if box.kind != "reserved" else ""
    return max(84.0, min(260.0, max(text_width(box.name) * 1.1, text_width(says) * 0.92) + 28))


def _layer_y(layer: int) -> float:
    return TITLE_HEIGHT + MARGIN + BOX_HEIGHT / 2 + layer * (BOX_HEIGHT + LAYER_GAP)


def _back_links(names: Sequence[str], links: Sequence[Link], entry: str) -> set[int]:
    """The links that close a circle, found by going deep from the entry."""
    out: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
    for number, link in enumerate(links):
        out[link.start].append((number, link.target))
    back: set[int] = set()
    state: dict[str, int] = {}
    for root in [entry, *names]:
        if root not in out or root in state:
            continue
        state[root] = 1
        work = [(root, iter(out[root]))]
        while work:
            here, rest = work[-1]
            for number, target in rest:
                if state.get(target) == 1:
                    back.add(number)
                elif target not in state:
                    state[target] = 1
                    work.append((target, iter(out[target])))
                    break
            else:
                state[here] = 2
                work.pop()
    return back


def _ranks(names: Sequence[str], links: Sequence[Link], back: set[int]) -> dict[str, int]:
    """The layer of each box: one below the lowest of those that lead to it."""
    rank = dict.fromkeys(names, 0)
    for _ in names:
        changed = False
        for number, link in enumerate(links):
            if number not in back and rank[link.target] <= rank[link.start]:
                rank[link.target] = rank[link.start] + 1
                changed = True
        if not changed:
            break
    return rank


def _grid(
    names: Sequence[str],
    links: Sequence[Link],
    back: set[int],
    rank: Mapping[str, int],
    widths: Mapping[str, float],
) -> tuple[_Grid, dict[int, list[str]]]:
    layers: list[list[str]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for name in names:
        layers[rank[name]].append(name)
    grid = _Grid(layers, dict(widths))
    passes: dict[int, list[str]] = {}
    for number, link in enumerate(links):
        upper, lower = (link.target, link.start) if number in back else (link.start, link.target)
        if rank[upper] == rank[lower]:
            continue
        chain = [upper]
        for layer in range(rank[upper] + 1, rank[lower]):
            node = f"{number}:{layer}"
            layers[layer].append(node)
            grid.width[node] = _PASS_WIDTH
            chain.append(node)
        chain.append(lower)
        passes[number] = chain[1:-1]
        for above, below in itertools.pairwise(chain):
            grid.down.setdefault(above, []).append(below)
            grid.up.setdefault(below, []).append(above)
    return grid, passes


def _order(grid: _Grid) -> None:
    """Fewer crossings: each layer sorted by the middle of its neighbours, down and up; the best is kept."""
    best, fewest = [list(layer) for layer in grid.layers], _crossings(grid)
    for sweep in range(SWEEPS):
        downward = sweep % 2 == 0
        numbers = range(1, len(grid.layers)) if downward else range(len(grid.layers) - 2, -1, -1)
        for number in numbers:
            beside = grid.layers[number - 1] if downward else grid.layers[number + 1]
            place = {node: at for at, node in enumerate(beside)}
            near = grid.up if downward else grid.down
            layer = grid.layers[number]
            now = {node: at for at, node in enumerate(layer)}
            layer.sort(key=lambda node: _middle((place[n] for n in near.get(node, ())), now[node]))
        crossings = _crossings(grid)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in grid.layers], crossings
    grid.layers[:] = best


def _middle(places: Iterable[float], default: float) -> float:
    found = list(places)
    return sum(found) / len(found) if found else default


def _crossings(grid: _Grid) -> int:
    count = 0
    for upper, lower in zip(grid.layers, grid.layers[1:], strict=False):
        place = {node: at for at, node in enumerate(lower)}
        ends = [
            place[below] for node in upper for below in sorted(grid.down.get(node, ()), key=place.__getitem__)
        ]
        count += sum(1 for at, one in enumerate(ends) for other in ends[at + 1 :] if other < one)
    return count


def _columns(grid: _Grid) -> dict[str, float]:
    """The middle of each node: beside each other, then pulled towards their neighbours without overlapping."""
    x: dict[str, float] = {}
    for layer in grid.layers:
        at = MARGIN
        for node in layer:
            x[node] = at + grid.width[node] / 2
            at += grid.width[node] + GAP
    for sweep in range(SWEEPS * 2):
        downward = sweep % 2 == 0
        for layer in grid.layers if downward else reversed(grid.layers):
            near = grid.up if downward else grid.down
            wanted = [_middle((x[n] for n in near.get(node, ())), x[node]) for node in layer]
            _pull(layer, wanted, x, grid.width)
    shift = MARGIN - min((x[node] - grid.width[node] / 2 for node in x), default=0.0)
    return {node: value + shift for node, value in x.items()}


def _pull(
    layer: Sequence[str], wanted: Sequence[float], x: dict[str, float], width: Mapping[str, float]
) -> None:
    """Nearest places to `wanted` in this order: neighbours that would overlap move together as one block."""
    blocks: list[tuple[float, float, list[str]]] = []
    for node, goal in zip(layer, wanted, strict=True):
        start, total, nodes = goal - width[node] / 2, width[node] + GAP, [node]
        while blocks and blocks[-1][0] + blocks[-1][1] > start:
            before, size, others = blocks.pop()
            weight, own = len(others), len(nodes)
            start = (before * weight + (start - size) * own) / (weight + own)
            total, nodes = size + total, others + nodes
        blocks.append((start, total, nodes))
    for start, _, nodes in blocks:
        at = start
        for node in nodes:
            x[node] = at + width[node] / 2
            at += width[node] + GAP


def _route(
    link: Link, back: bool, passes: Sequence[str], placed: Mapping[str, Placed], x: Mapping[str, float]
) -> Route:
    start, end = placed[link.start], placed[link.target]
    half = BOX_HEIGHT / 2
    if link.start == link.target:
        edge = start.x + start.width / 2
        loop = ((edge, start.y - 8), (edge + 26, start.y - 8), (edge + 26, start.y + 8), (edge, start.y + 8))
        return Route(link, loop, True)
    if start.y == end.y:
        side = 1 if end.x > start.x else -1
        return Route(
            link, ((start.x + side * start.width / 2, start.y), (end.x - side * end.width / 2, end.y)), False
        )
    between = [(x[node], _layer_y(int(node.split(":")[1]))) for node in passes]
    if back:
        between.reverse()
        return Route(link, ((start.x + 10, start.y - half), *between, (end.x + 10, end.y + half)), True)
    return Route(link, ((start.x, start.y + half), *between, (end.x, end.y - half)), False)
