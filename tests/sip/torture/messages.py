"""The messages of RFC 4475, SIP torture tests, as that RFC prints them; grouped as its sections are.

Line ends are CRLF; what the RFC marks as <hex> and <repeat> is written out by expressions here. Where a
message's octets do not matter (the signature and the signed part of mpart01), others stand for them.
"""

from tests.sip.torture.messages_application import APPLICATION
from tests.sip.torture.messages_invalid import INVALID
from tests.sip.torture.messages_valid import VALID

__all__ = ["APPLICATION", "EVERY", "INVALID", "VALID"]

EVERY = VALID | INVALID | APPLICATION
