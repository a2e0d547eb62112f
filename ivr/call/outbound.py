"""How a call begins that the hotline makes: with which flow, in which language, and what the flow may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.flow.values import Value


@dataclass(frozen=True, slots=True)
class Outbound:
    """The start of a call that was answered by whom we called. `language` may be empty: the hotline's first.

    `facts` are readable by flows as `call.NAME`.
    """

    flow: str
    language: str = ""
    facts: Mapping[str, Value] = field(default_factory=dict)
