"""What the endpoint's thread tells the loop about a call: plain data, never an object of the library."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ivr.lines.identity import Parties
from ivr.media.g711 import Law


@dataclass(frozen=True, slots=True)
class Ringing:
    """A new call has come and waits for an answer."""

    parties: Parties
    remote_address: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The call is answered (and acknowledged) and audio flows both ways."""


@dataclass(frozen=True, slots=True)
class MediaChanged:
    """Audio was negotiated: its law, and whether the other side has us on hold."""

    law: Law
    held: bool


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key, once."""

    key: str = field(repr=False)
    source: Literal["rfc4733", "info"]


@dataclass(frozen=True, slots=True)
class Gone:
    """The call is over and its place in the library free."""

    by: Literal["caller", "us", "line"]
    status: int
    text: str


Notice = Ringing | Connected | MediaChanged | KeyPressed | Gone
