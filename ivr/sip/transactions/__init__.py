"""SIP transactions: a request, its responses, and what is sent again when packets are lost.

RFC 3261, section 17, as corrected by RFC 4320 (other than INVITE) and RFC 6026 (INVITE answered 2xx). Each of
the four machines is a table of steps in a module of its own; `Transactions` takes messages to them.
"""

from ivr.sip.transactions.client import ClientTransaction
from ivr.sip.transactions.layer import Transactions
from ivr.sip.transactions.server import ServerTransaction
from ivr.sip.transactions.stamp import stamp
from ivr.sip.transactions.timers import Timers
from ivr.sip.transactions.users import ClientUser, ServerUser, TransactionUser

__all__ = [
    "ClientTransaction",
    "ClientUser",
    "ServerTransaction",
    "ServerUser",
    "Timers",
    "TransactionUser",
    "Transactions",
    "stamp",
]
