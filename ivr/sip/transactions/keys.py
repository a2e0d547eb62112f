"""Which transaction a message belongs to: RFC 3261, sections 17.1.3 and 17.2.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ivr.sip.message import Request, Via

#: What two messages of one transaction have in common.
Key = tuple[str, ...]

#: How a branch begins that is unique by itself.
COOKIE = "z9hG4bK"

#: Request-URI, Call-ID, CSeq number, From tag, top Via, method, To tag: what tells old transactions apart.
OLD_KEY_LENGTH = 7


def has_unique_branch(branch: str) -> bool:
    """Whether a branch is one of RFC 3261; the bare cookie is none."""
    return len(branch) > len(COOKIE) and branch[: len(COOKIE)].lower() == COOKIE.lower()


def client_key(via: Via, method: str) -> Key:
    """The key of a request of ours, by its own Via, and of its responses, by theirs.

    A response's method is that of its CSeq.
    """
    return (via.branch, via.host, str(via.port or ""), method)


def server_key(request: Request, method: str) -> Key:
    """The key of somebody's request, taken before its Via is stamped.

    `method` is the request's own, or INVITE to find the INVITE that an ACK or a CANCEL is for.
    """
    via = request.via
    if has_unique_branch(via.branch):
        return client_key(via, method)
    call = (request.call_id, str(request.cseq), request.from_.tag)
    return (request.uri_text, *call, str(via), method, request.to.tag)


def old_ack_key(key: Key, to_tag: str) -> Key | None:
    """The key that an INVITE's ACK will have after a response with this tag, if it differs.

    Only before RFC 3261 is To part of the key.
    """
    return (*key[:-1], to_tag) if len(key) == OLD_KEY_LENGTH and key[-1] != to_tag else None
