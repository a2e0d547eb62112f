"""One call in another's place (Replaces, RFC 3891) or beside it (Join, RFC 3911).

How the agent hooks this: for every request that has one of the two headers,
`place_of(request.method, request.all("Replaces"), request.all("Join"))` gives what was asked for (None:
neither header), or raises `SipSyntaxError` with the status to answer. Then it looks among its dialogs for one
that `place.names(call_id, local_tag, remote_tag)`, and answers with `verdict(...)` unless that is 0: then the
new session stands for the old one. Where more than one dialog fits, none does.

To ask for it: `Place.of_peer(call_id, local_tag, remote_tag)` with the tags of our own dialog gives the header
as the other side of that dialog needs it; `str(place)` is its value, `place.escaped()` goes into a Refer-To.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple
from urllib.parse import quote

from ivr.sip.uri import SipSyntaxError

State = Literal["early", "confirmed", "ended"]

_MOST = 1_024  # characters of such a header
_WORD = r"[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}]+"  # RFC 3261's `word`
_CALL_ID = re.compile(rf"{_WORD}(?:@{_WORD})?")
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")


class Place(NamedTuple):
    """A Replaces or Join header: the tags are seen from the side that gets the header."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False
    join: bool = False

    @classmethod
    def parse(cls, text: str, *, join: bool = False) -> Place:
        """Read a header's value. Raises SipSyntaxError (400)."""
        call_id, *params = (part.strip() for part in text[: _MOST + 1].split(";"))
        if len(text) > _MOST or not _CALL_ID.fullmatch(call_id):
            raise _malformed(join)
        tags: dict[str, str] = {}
        early_only = False
        for param in params:
            name, _, value = (side.strip() for side in param.partition("="))
            name = name.lower()
            if name in {"to-tag", "from-tag"}:
                if name in tags or not _TOKEN.fullmatch(value):
                    raise _malformed(join)
                tags[name] = value
            early_only = early_only or (name == "early-only" and not join)
        if len(tags) != 2:
            raise _malformed(join)
        return cls(call_id, tags["to-tag"], tags["from-tag"], early_only, join)

    @classmethod
    def of_peer(cls, call_id: str, local_tag: str, remote_tag: str, *, early_only: bool = False) -> Place:
        """A Replaces header for our own dialog, in the words of its other side (tag "0" stands for none)."""
        return cls(call_id, remote_tag or "0", local_tag or "0", early_only)

    def __str__(self) -> str:
        tail = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{tail}"

    def escaped(self) -> str:
        """The value as a header in a URI: `<sip:seat@host?Replaces=…>` (RFC 3261, section 19.1.1)."""
        return quote(str(self), safe="-_.!~*'()")

    def names(self, call_id: str, local_tag: str, remote_tag: str) -> bool:
        """Whether a dialog with these tags, seen from our side, is meant (RFC 3891, section 3)."""
        return (self.call_id, self.to_tag, self.from_tag) == (call_id, local_tag or "0", remote_tag or "0")


def place_of(method: str, replaces: Sequence[str], join: Sequence[str]) -> Place | None:
    """What a request asks for; None if it has neither header. Raises SipSyntaxError (400).

    Each header may stand once, only one of the two, and only in an INVITE (RFC 3891, sections 3 and 6.1).
    """
    if not replaces and not join:
        return None
    if method != "INVITE" or len(replaces) + len(join) != 1:
        raise _malformed(bool(join))
    return Place.parse(replaces[0]) if replaces else Place.parse(join[0], join=True)


def verdict(place: Place, state: State | None, *, ours: bool, permitted: bool = True) -> int:
    """The status with which the INVITE is refused, or 0 (RFC 3891, section 3; RFC 3911, section 4).

    `state` is that of the one dialog that fits (None: none does), `ours` whether we sent its INVITE, `permitted`
    whether the caller may do this at all.
    """
    if state is None:
        return 481
    if not permitted:
        return 403
    if state == "ended":
        return 603
    if state == "confirmed":
        return 486 if place.early_only else 0
    return 0 if ours and not place.join else 481


def _malformed(join: bool) -> SipSyntaxError:
    return SipSyntaxError(f"Bad {'Join' if join else 'Replaces'} Header")
