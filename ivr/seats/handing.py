"""From one seat to another: advice, handing over, conference."""

from __future__ import annotations

from ivr.seats import plans, plans_transfer
from ivr.seats.changes import Changes, Result


class Handing(Changes):
    """What a seat does with the call it has. A seat asked for advice answers or misses as any other."""

    async def consult(self, call: str, seat: str, *, who: str = "") -> Result:
        """Ring a ready seat for advice, while the caller stays with the seat that asks."""
        return await self._change(plans_transfer.consult, call=call, seat=seat, who=who or "system")

    async def complete(self, call: str, seat: str, *, who: str = "") -> Result:
        """The seat that was asked takes the caller; the one that asked is free (warm transfer)."""
        return await self._change(
            lambda scene, by: plans_transfer.complete(scene, seat, by), call=call, who=who or "system"
        )

    async def conference(self, call: str, seat: str, *, who: str = "") -> Result:
        """The seat that was asked joins seat and caller."""
        return await self._change(
            lambda scene, by: plans_transfer.conference(scene, seat, by), call=call, who=who or "system"
        )

    async def drop(self, call: str, seat: str) -> Result:
        """A seat leaves a call that others go on with; the only one that serves cannot (`last`): use `ended`."""
        return await self._change(
            lambda scene, by: plans_transfer.drop(scene, seat, by), call=call, who=f"seat:{seat}"
        )

    async def hand_over(self, call: str, *, seat: str = "", queue: str = "", who: str = "") -> Result:
        """Send the caller on, to a ready seat that rings or to a queue (blind transfer).

        In the queue they stand where they would had they waited there from the beginning.
        """
        if seat:
            return await self._change(plans_transfer.to_seat, call=call, seat=seat, who=who or "system")
        to = (await self.store.snapshot()).queues.get(queue)
        if to is None:
            return Result(False, "unknown")
        new_id = self._ids()
        return await self._change(
            lambda scene, by: plans.to_queue(scene, to, new_id, by), call=call, who=who or "system"
        )
