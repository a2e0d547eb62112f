"""What people at seats ask for. A request during a call takes effect when the call is over."""

from __future__ import annotations

from functools import partial

from ivr.seats import plans_seat
from ivr.seats.changes import Changes, Result
from ivr.seats.plans import By, Plan
from policy_db.seat_facts import Scene, SeatState


class People(Changes):
    """The seats' side of the desk. `who` is the person or supervisor who asks, the seat itself if not named."""

    async def sign_in(self, seat: str, *, console: bool = True, who: str = "") -> Result:
        """The seat is there. With a `console` it must be heard of every few seconds (`seat_heartbeat`)."""

        def plan(scene: Scene, by: By) -> Plan:
            return plans_seat.sign_in(scene, self._lease(by.at) if console else None, by)

        return await self._change(plan, seat=seat, who=who or f"seat:{seat}")

    async def sign_out(self, seat: str, *, who: str = "") -> Result:
        """The seat goes home."""
        return await self._wish(seat, "offline", "", who)

    async def resume(self, seat: str, *, who: str = "") -> Result:
        """The seat is ready again, from a pause or before its wrap-up is over; or takes back a request."""
        return await self._wish(seat, "ready", "", who)

    async def more_wrap_up(self, seat: str, seconds: float, *, who: str = "") -> Result:
        """The seat stays in wrap-up for that much longer; not done in any other state."""
        return await self._change(
            lambda scene, by: plans_seat.more_wrap_up(scene, seconds, by),
            seat=seat,
            who=who or f"seat:{seat}",
        )

    async def pause(self, seat: str, reason: str, *, who: str = "") -> Result:
        """The seat takes no calls for a while, and says why."""
        return await self._wish(seat, "paused", reason, who)

    async def do_not_disturb(self, seat: str, *, who: str = "") -> Result:
        """The seat takes no calls and wants none."""
        return await self._wish(seat, "do_not_disturb", "", who)

    async def away(self, seat: str, forward_to: str, *, who: str = "") -> Result:
        """The seat takes no calls of queues; who wants it in person is forwarded to a number or address."""
        return await self._wish(seat, "away", "", who, forward_to=forward_to)

    async def seat_heartbeat(self, seat: str) -> bool:
        """The seat's console lives; False when it must sign in again."""
        return await self.store.beat_seat(seat, self._lease(self._clock()))

    async def _wish(
        self, seat: str, state: SeatState, reason: str, who: str, *, forward_to: str = ""
    ) -> Result:
        plan = partial(_wish, state, reason, forward_to)
        return await self._change(plan, seat=seat, who=who or f"seat:{seat}")


def _wish(state: SeatState, reason: str, forward_to: str, scene: Scene, by: By) -> Plan:
    return plans_seat.wish(scene, state, reason, by, forward_to=forward_to)
