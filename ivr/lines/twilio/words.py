"""What Twilio tells of a call that we asked for: in any order, more than once, late, or never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: How a call is, by Twilio's name of it, in the order in which that can come.
STATUSES: Final = (
    "queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled",
)  # fmt: skip
#: Those after which nothing comes.
ENDS: Final = frozenset(STATUSES[4:])


@dataclass(frozen=True, slots=True)
class Word:
    """One word: of the call with our `key` and Twilio's `sid`; what is not told is empty or 0.

    `sip` is the status with which the other network refused, `answered_by` as Twilio's detection says it.
    """

    key: str
    sid: str = ""
    status: str = ""
    sip: int = 0
    answered_by: str = ""

    @classmethod
    def read(cls, key: str, form: Mapping[str, Any]) -> Word:
        """The word of a callback's form; what is no status counts as not told."""
        status = str(form.get("CallStatus", ""))
        code = str(form.get("SipResponseCode", ""))
        return cls(
            key,
            str(form.get("CallSid", ""))[:64],
            status if status in STATUSES else "",
            int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 0,
            str(form.get("AnsweredBy", ""))[:40],
        )

    @property
    def over(self) -> bool:
        """Whether nothing comes after it."""
        return self.status in ENDS
