"""What a receiver notes in the top Via: where the request came from (RFC 3261, 18.2.1; RFC 3581, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.sip.uri import host_port

if TYPE_CHECKING:
    from ivr.sip.message import Request
    from ivr.sip.network import Flow


def stamp(request: Request, flow: Flow) -> None:
    """Fill in `received` and `rport` from the packet; what the sender wrote there himself is overwritten.

    They are for the sender's own information: our responses go to the flow, whatever Via says.
    """
    via = request.via
    if via.wants_rport or via.host != flow.host or "received" in via.params:
        request.replace_first("Via", str(via.seen_from(flow.host, flow.port)))


def via_text(flow: Flow, sent_by: tuple[str, int], branch: str) -> str:
    """Our own Via of a request by this flow; over UDP it asks for the port it is seen from."""
    rport = "" if flow.reliable else ";rport"
    return f"SIP/2.0/{flow.transport.upper()} {host_port(*sent_by)};branch={branch}{rport}"
