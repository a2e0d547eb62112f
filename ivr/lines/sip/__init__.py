"""The default line: our own SIP core and media, hundreds of calls in one process.

`config` says what a site may choose, `line` and `leg` are what calls see. `switchboard` makes legs of the
core's sessions and `media` their sound; below them are the transports (`transports`, `udp`, `stream`) and
RTP (`room`, `rtp_stream`).
"""

from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.leg import SipLeg
from ivr.lines.sip.line import SipLine
from ivr.lines.sip.metrics import SipMetrics

__all__ = ["SipLeg", "SipLine", "SipMetrics", "SipSettings"]
