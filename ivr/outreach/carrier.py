"""Who places a call: our SIP line, or a provider by whose interface it is asked for.

A carrier gives back a leg once somebody has answered, or says why not. It tells on the way what it knows; where it may
or may not have been asked (a request that timed out), it says so and can be asked later what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from ivr.errors import LineError, OutreachError, RefusedError
from ivr.lines.base import Leg
from ivr.lines.port_leg import PortLeg
from ivr.outreach.outcomes import by_status

AnsweredBy = Literal["person", "machine", "fax", "announcement"]


@dataclass(frozen=True, slots=True)
class DialOrder:
    """A call to be placed: `attempt` is its key, `to` E.164 or a SIP address, `caller` our number (may be empty).

    `detect` asks the carrier to find out who answers, where it can. `call_id` is the id that the call will have,
    `carrier_id` the carrier's own, as far as it is known.
    """

    attempt: str
    to: str
    caller: str
    ring_seconds: float
    detect: bool
    call_id: str
    placed_at: datetime
    carrier_id: str = ""


class Told(Protocol):
    """What a carrier tells on the way; every method returns at once."""

    def submitted(self, carrier_id: str) -> None:
        """The carrier has it, under this id."""

    def ringing(self) -> None:
        """It rings there."""

    def answered_by(self, who: AnsweredBy, *, tone: bool = False) -> None:
        """Who answered, as far as the carrier can tell; `tone`: the machine is ready for a message."""


class NotReachedError(OutreachError):
    """The call was not answered, or could not be made; `outcome` says which, `status` is the SIP status if any."""

    code = "H710"

    def __init__(self, outcome: str, status: int = 0, text: str = "") -> None:
        super().__init__(f"not reached: {outcome} {status or ''} {text}".rstrip())
        self.outcome = outcome
        self.status = status


class NobodyKnowsError(OutreachError):
    """The carrier may or may not have been asked to call: its answer never came. It is asked later."""

    code = "H711"


@dataclass(frozen=True, slots=True)
class CarrierAnswer:
    """What a carrier says of an order: still under way (`outcome` empty), or ended; and its id there."""

    outcome: str
    carrier_id: str = ""
    status: int = 0


class Carrier(Protocol):
    """Places calls."""

    @property
    def name(self) -> str:
        """As a campaign's `line` names it."""

    async def place(self, order: DialOrder, told: Told) -> Leg:
        """Call; returns once it is answered. Raises NotReachedError, NobodyKnowsError."""

    async def ask(self, order: DialOrder) -> CarrierAnswer | None:
        """What became of an order that no process knows of; None: the carrier has never heard of it.

        Raises OutreachError when it cannot be asked now.
        """


class SipDialler(Protocol):
    """The part of a SIP line that calls."""

    async def dial(
        self,
        to: str,
        *,
        caller: str = "",
        timeout: float = 60.0,  # noqa: ASYNC109 - ringing
        headers: Mapping[str, str] | None = None,
        on_ringing: Callable[[], None] | None = None,
    ) -> Leg:
        """See `SipLine.dial`."""


class SipCarrier:
    """Calls by our own SIP line. `way` makes an address of a number: `{number}`, or `sip:{number}@gateway`."""

    name = "sip"

    def __init__(self, line: SipDialler, way: str = "{number}") -> None:
        self._line = line
        self._way = way

    async def place(self, order: DialOrder, told: Told) -> Leg:
        """Call; returns once it is answered."""
        rang = False

        def ringing() -> None:
            nonlocal rang
            if not rang:
                rang = True
                told.ringing()

        to = order.to if order.to.startswith(("sip:", "sips:")) else self._way.format(number=order.to)
        try:
            leg = await self._line.dial(
                to,
                caller=order.caller,
                timeout=order.ring_seconds,
                headers={"X-Attempt": order.attempt},
                on_ringing=ringing,
            )
        except RefusedError as error:
            raise NotReachedError(_refused(error.status, rang), error.status, str(error)) from None
        except LineError as error:
            raise NotReachedError(_failed(error.code, rang), 0, str(error)) from None
        told.submitted(leg.info.remote_id or leg.info.leg_id)
        if isinstance(leg, PortLeg):
            ours = leg.info.caller
            leg.told_as(replace(leg.info, caller=order.to, called=order.caller or ours))
        return leg

    async def ask(self, order: DialOrder) -> CarrierAnswer | None:
        """A SIP call is known to the process that made it, and to nobody else."""
        return None


def _refused(status: int, rang: bool) -> str:
    """A timeout of the transaction (408) before anything rang says that nobody is there to ask."""
    return "unreachable" if status == 408 and not rang else by_status(status)


def _failed(code: str, rang: bool) -> str:
    if code == "H211":
        return "no_answer" if rang else "unreachable"
    return {"H212": "invalid_number", "H230": "congested"}.get(code, "unreachable")
