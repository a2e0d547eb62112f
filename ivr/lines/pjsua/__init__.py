"""The line on pjsua2: PJSIP carries signalling and RTP, our media plane gives and takes the frames.

`config` says what a site may choose, `line` and `leg` are what calls see. Below them one thread owns every
object of the library (`endpoint`, `calls`, `account`). `phone` is a telephone on the command line.
"""

from ivr.lines.pjsua.config import PjsuaSettings
from ivr.lines.pjsua.leg import PjsuaLeg
from ivr.lines.pjsua.line import PjsuaLine

__all__ = ["PjsuaLeg", "PjsuaLine", "PjsuaSettings"]
