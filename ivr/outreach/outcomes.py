"""How an attempt can end, and what each end means for the next one."""

from __future__ import annotations

from typing import Final

#: The line: the call was not answered, or could not be made.
LINE: Final = (
    "busy", "no_answer", "declined", "invalid_number", "unreachable", "unpaid", "congested", "not_placed", "lost",
)  # fmt: skip
#: Answered, but by nobody who could be told.
ANSWERED: Final = (
    "machine",
    "message_left",
    "fax",
    "announcement",
    "silent",
    "hung_up",
    "abandoned",
    "failed",
)
#: A person, and what they said or did.
PERSON: Final = (
    "confirmed_only", "told", "finished", "link_sent", "call_later", "to_person", "already_paid", "promised", "disputed",
    "wrong_number", "do_not_call",
)  # fmt: skip
#: Found out before dialling: there is no reason to call any more.
SETTLED: Final = ("paid_meanwhile", "not_due")
OUTCOMES: Final = (*LINE, *ANSWERED, *PERSON)

#: The line itself is at fault, not the number: a reason to hold the whole line back.
LINE_FAULTS: Final = frozenset({"unreachable", "unpaid"})
#: Ends after which the same person is tried again, where the rules give another attempt.
TRY_AGAIN: Final = frozenset({
    "busy", "no_answer", "declined", "unreachable", "unpaid", "congested", "not_placed", "lost", "machine",
    "message_left", "silent", "hung_up", "abandoned", "failed", "call_later", "confirmed_only",
})  # fmt: skip


def by_status(status: int) -> str:
    """The outcome of a call that was refused with a SIP status (RFC 3261, section 21)."""
    if status in (486, 600):
        return "busy"
    if status in (404, 410, 484, 485, 604):
        return "invalid_number"
    if status == 402:
        return "unpaid"
    if status in (403, 603, 607, 608):
        return "declined"
    if status in (408, 480, 487):
        return "no_answer"
    return "unreachable"
