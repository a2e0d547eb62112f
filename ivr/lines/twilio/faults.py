"""What Twilio's errors mean (https://www.twilio.com/docs/api/errors).

Its messages may quote numbers: what is told on has the code alone, by which anybody finds the explanation.
"""

from __future__ import annotations

from typing import Final, Literal

from ivr.errors import LineError

#: invalid: this number cannot be called or written to from this account; unpaid: the account itself is refused;
#: ours: our own number or settings are refused; congested: too much at once; unreachable: nothing arrived there;
#: unknown: it may or may not have arrived; gone: there is no such thing (any more).
Kind = Literal["invalid", "unpaid", "ours", "congested", "unreachable", "unknown", "gone"]

_INVALID: Final = frozenset({
    13223, 13224, 13225, 21201, 21205, 21211, 21214, 21215, 21216, 21217, 21219, 21265, 21408, 21604, 21608, 21610,
    21612, 21614, 30003, 30004, 30005, 30006,
})  # fmt: skip
_UNPAID: Final = frozenset({10001, 20003, 20005, 20006, 30002, 90010})
_OURS: Final = frozenset({21210, 21212, 21213, 21603, 21606, 21607, 21659})
_CONGESTED: Final = frozenset({10004, 14107, 20429, 21220, 30001, 30022})


class TwilioError(LineError):
    """Twilio has refused, or was not reached; `kind` says what that means, `number` is Twilio's own code (0: none).

    `retry_after` is in how many seconds Twilio wants to be asked again, if it says so.
    """

    code = "H240"

    def __init__(self, kind: Kind, number: int = 0, *, retry_after: float | None = None) -> None:
        known = f" (see https://www.twilio.com/docs/api/errors/{number})" if number else ""
        super().__init__(f"Twilio: {_SAID[kind]}{known}")
        self.kind = kind
        self.number = number
        self.retry_after = retry_after


_SAID: Final[dict[Kind, str]] = {
    "invalid": "this number cannot be reached from this account",
    "unpaid": "the account is refused; look at its balance, its state and the token",
    "ours": "our own number may not be used so; look at HOTLINE_TWILIO_NUMBER",
    "congested": "too much at once; it is tried again later",
    "unreachable": "it could not be reached; look at the network",
    "unknown": "it has not answered; whether it was done is found out later",
    "gone": "it knows of no such call, message or number",
}


def kind_of(status: int, number: int) -> Kind:
    """What an HTTP status and Twilio's code mean."""
    for kind, numbers in (
        ("invalid", _INVALID), ("unpaid", _UNPAID), ("ours", _OURS), ("congested", _CONGESTED),
    ):  # fmt: skip
        if number in numbers:
            return kind  # type: ignore[return-value]
    if status == 429:
        return "congested"
    if status in (401, 402, 403):
        return "unpaid"
    if status == 404:
        return "gone"
    return "unknown" if status >= 500 else "ours"
