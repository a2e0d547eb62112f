"""Fax: pages as bi-level images, and the T.30 terminal that sends them through a leg's port as sound.

The modems and the protocol are spandsp's (LGPL-2.1), loaded from the system at run time; without it no fax is offered.
"""

from ivr.media.fax.library import missing
from ivr.media.fax.pages import write_pages
from ivr.media.fax.sending import FaxSending
from ivr.media.fax.terminal import FaxResult, FaxTerminal

__all__ = ["FaxResult", "FaxSending", "FaxTerminal", "missing", "write_pages"]
