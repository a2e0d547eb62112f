"""What links, the papers that came by them and batches of letters are, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

LinkKind = Literal["document", "claim", "pay"]
#: What opens a link: the code that was told on the telephone, or the holder's birthday or ID digits.
Asks = Literal["code", "holder"]
#: How an answer was taken. `over`: the link is not to be opened any more, by time or by wrong answers.
Opening = Literal["right", "wrong", "locked", "over"]


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that is to be sent. `id` names it, so that asking twice is one link."""

    id: str
    kind: LinkKind
    asks: Asks
    expires_at: datetime
    language: str
    document: str | None = None
    claim: str = ""
    policy: str = ""
    customer: str = ""
    call: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was sent; its token and code are not in it, and cannot be found from it without the key."""

    id: str
    kind: LinkKind
    asks: Asks
    document: str | None
    claim: str
    policy: str
    customer: str
    language: str
    facts: Mapping[str, Any]
    tries: int
    locked_until: datetime | None
    opened_at: datetime | None
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimPaper:
    """A photograph or paper that came by a link, without what is in it."""

    id: str
    kind: Literal["photo", "paper"]
    name: str
    media_type: str
    size: int
    sha256: str
    received_at: datetime
    seen_at: datetime | None
    seen_by: str


@dataclass(frozen=True, slots=True)
class PostBatch:
    """Letters that were printed together."""

    id: int
    made_at: datetime
    made_by: str
    posted_at: datetime | None
    posted_by: str
    letters: int
