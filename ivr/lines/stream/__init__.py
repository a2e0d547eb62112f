"""The stream line: Twilio's Media Streams protocol over WebSockets, spoken by our browser phone.

`messages` are the texts, `session` reads those of one socket, `leg` and `line` are what calls see. The line
opens no socket: whoever has accepted one and let it in brings it to `StreamLine.connected`, as a `wire`.
"""

from ivr.lines.stream.leg import StreamLeg
from ivr.lines.stream.line import StreamLine, StreamSettings
from ivr.lines.stream.tickets import SEAT_TICKETS, SeatTickets, Ticket
from ivr.lines.stream.wire import SocketWire, Wire, converse

__all__ = [
    "SEAT_TICKETS",
    "SeatTickets",
    "SocketWire",
    "StreamLeg",
    "StreamLine",
    "StreamSettings",
    "Ticket",
    "Wire",
    "converse",
]
