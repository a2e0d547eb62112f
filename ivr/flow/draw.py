"""A flow as a picture: Mermaid text for pages that render it, or a finished SVG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from ivr.flow.draw_layout import Box, Drawing, Link, lay_out
from ivr.flow.draw_svg import heat_colour, svg
from ivr.flow.library import LoadedFlow
from ivr.flow.model import RESERVED_TARGETS, step_kind
from ivr.flow.outcomes import REPROMPTS

Kind = Literal["mermaid", "svg"]
#: What a step of each kind says of itself, besides its name.
_LEAD: Final = ("menu", "collect", "do", "call", "voicemail", "record", "say", "hours", "language", "return",
                "hangup")  # fmt: skip
#: How an outcome that `next` follows is written: not at all.
_PLAIN: Final = ""


def draw_flow(loaded: LoadedFlow, kind: Kind = "mermaid", heat: Mapping[str, int] | None = None) -> str:
    """The ways that the flow's author wrote; handlers of the whole flow stand beside it as notes.

    `heat` counts the calls that entered each step; busier steps are drawn warmer, with their count.
    """
    drawing = plan_drawing(loaded, heat or {})
    if kind == "mermaid":
        return _mermaid(drawing)
    return svg(lay_out(drawing, entry=loaded.flow.entry))


def plan_drawing(loaded: LoadedFlow, heat: Mapping[str, int], language: str = "") -> Drawing:
    """Boxes and ways of a flow, for whoever draws them; the title in `language` where it has one."""
    return Drawing(_title(loaded, language), tuple(_boxes(loaded, heat)), tuple(_links(loaded)))


def _title(loaded: LoadedFlow, language: str) -> str:
    title = loaded.flow.title or {}
    return title.get(language) or next(iter(title.values()), loaded.name)


def _boxes(loaded: LoadedFlow, heat: Mapping[str, int]) -> list[Box]:
    most = max(heat.values(), default=0)
    boxes = []
    for name, step in loaded.flow.steps.items():
        count = heat.get(name)
        warmth = count / most if count and most else 0.0
        boxes.append(Box(name, step_kind(step) or "", _says(step), count, warmth))
    used = {target for link in _links(loaded) if (target := link.target) in RESERVED_TARGETS}
    return [*boxes, *(Box(word, "reserved", "", None, 0.0) for word in sorted(used))]


def _says(step: Any) -> str:
    kind = step_kind(step)
    if kind == "transfer":
        return str(step.transfer.queue)
    if kind == "set":
        return ", ".join(step.set)
    if kind == "return":
        return str(step.return_)
    value = getattr(step, kind, "") if kind in _LEAD else ""
    return value if isinstance(value, str) else ", ".join(value)


def _links(loaded: LoadedFlow) -> list[Link]:
    """Each way that a step itself names, ways between the same two steps as one."""
    merged: dict[tuple[str, str], list[str]] = {}
    for name, step in loaded.flow.steps.items():
        for label, target in _ways(step):
            labels = merged.setdefault((name, target), [])
            if label and label not in labels:
                labels.append(label)
    return [Link(start, end, " · ".join(labels)) for (start, end), labels in merged.items()]


def _ways(step: Any) -> list[tuple[str, str]]:
    if step_kind(step) in {"return", "hangup"}:
        return []
    ways = [(key, choice.go) for key, choice in getattr(step, "choices", {}).items()]
    for branch in step.when:
        if branch.go is not None:
            ways.append((branch.if_ or "", branch.go))
        if branch.else_ is not None:
            ways.append(("else", branch.else_))
    if step.next is not None:
        ways.append((_PLAIN, step.next))
    ways.extend(step.on.items())
    for field in ("on_no_input", "on_no_match"):
        rungs = [rung for rung in getattr(step, field, None) or () if rung not in REPROMPTS]
        ways.extend((field.removeprefix("on_"), rung) for rung in rungs)
    return ways


def _mermaid(drawing: Drawing) -> str:
    lines = ["---", f"title: {drawing.title}", "---", "flowchart TD"]
    for box in drawing.boxes:
        says = f"<br/>{_quoted(box.kind)} {_quoted(box.says)}" if box.kind != "reserved" else ""
        count = f"<br/>{box.count}" if box.count is not None else ""
        start, end = _SHAPES.get(box.kind, ("[", "]"))
        lines.append(f'    s_{box.name}{start}"{_quoted(box.name)}{says}{count}"{end}')
    for link in drawing.links:
        label = f'|"{_quoted(link.label)}"|' if link.label else ""
        lines.append(f"    s_{link.start} -->{label} s_{link.target}")
    warm = [box for box in drawing.boxes if box.warmth]
    lines.extend(f"    style s_{box.name} fill:{heat_colour(box.warmth)}" for box in warm)
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


_SHAPES: Final[Mapping[str, tuple[str, str]]] = {
    "menu": ("{{", "}}"),
    "collect": ("[/", "/]"),
    "when": ("{", "}"),
    "do": ("[[", "]]"),
    "call": ("[[", "]]"),
    "hangup": ("([", "])"),
    "return": ("([", "])"),
    "reserved": ("((", "))"),
}
