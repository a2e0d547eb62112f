"""What the four transaction machines have in common: a table of steps, and two timers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from ivr.clock import Clock, TimerHandle
    from ivr.sip.message import Message
    from ivr.sip.network import Flow
    from ivr.sip.transactions.client_invite import ClientInvite
    from ivr.sip.transactions.keys import Key
    from ivr.sip.transactions.server_invite import ServerInvite
    from ivr.sip.transactions.timers import Timers

State = Literal["calling", "trying", "proceeding", "accepted", "completed", "confirmed", "terminated"]

#: An action gets its machine and the message of the event, if there is one.
Action = Callable[[Any, Any], None]

#: (state, event) → (next state, actions in their order). What is not in the table is of no consequence.
#: Whoever is told is told last: when it is called, the machine is where the table says, timers and all.
Table = Mapping[tuple[State, str], tuple[State, tuple[Action, ...]]]


class Layer(Protocol):
    """What a machine needs of the layer it lives in."""

    clock: Clock
    timers: Timers

    def send(self, data: bytes, flow: Flow) -> None:
        """Give a message to the network."""

    def forget(self, machine: Machine) -> None:
        """Take the machine out of the tables."""

    def send_cancel(self, invite: ClientInvite) -> None:
        """Send the CANCEL of this INVITE, in a transaction of its own."""

    def answered(self, invite: ServerInvite) -> None:
        """An INVITE has its final response, and with it the To tag that its ACK will have."""


class Machine:
    """One transaction. Each has at most one timer for sending again and one for the end of its state."""

    __slots__ = ("_data", "_end", "_end_event", "_interval", "_layer", "_resend", "flow", "key", "state")

    TABLE: ClassVar[Table]
    #: The timer that sends again, as the RFC calls it.
    RESEND: ClassVar[str]

    def __init__(self, layer: Layer, key: Key, flow: Flow, state: State) -> None:
        self._layer = layer
        self.key = key
        self.flow = flow
        self.state: State = state
        self._data = b""
        self._interval = 0.0
        self._resend: TimerHandle | None = None
        self._end: TimerHandle | None = None
        self._end_event = ""

    def happen(self, event: str, message: Message | None = None) -> None:
        """Take the step that the table has for this event in this state, if it has one."""
        step = self.TABLE.get((self.state, event))
        if step is None:
            return
        self.state, actions = step
        for action in actions:
            action(self, message)

    def stop(self) -> None:
        """No more timers; the machine stands still for good."""
        self.state = "terminated"
        self.stop_timers()
        self._data = b""

    def send_again(self, _message: object) -> None:
        """Send what was sent last, if anything was."""
        if self._data:
            self._layer.send(self._data, self.flow)

    def finish(self, _message: object) -> None:
        """Leave the tables, with all timers stopped."""
        self.stop()
        self._layer.forget(self)

    def stop_timers(self, _message: object = None) -> None:
        """Neither send again nor end by a timer."""
        self.stop_resending()
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def stop_resending(self, _message: object = None) -> None:
        """Send nothing again."""
        if self._resend is not None:
            self._resend.cancel()
            self._resend = None

    def _resend_after(self, seconds: float) -> None:
        """Over an unreliable flow: the event RESEND in so many seconds."""
        if not self.flow.reliable:
            self._interval = seconds
            clock = self._layer.clock
            self._resend = clock.call_at(clock.time() + seconds, self._resend_due)

    def _resend_due(self) -> None:
        self._resend = None
        self.happen(self.RESEND)

    def _end_after(self, seconds: float, event: str) -> None:
        """That event in so many seconds, instead of any that was to come; at once if there is no wait."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if seconds <= 0:
            self.happen(event)
            return
        self._end_event = event
        clock = self._layer.clock
        self._end = clock.call_at(clock.time() + seconds, self._end_due)

    def _end_due(self) -> None:
        self._end = None
        self.happen(self._end_event)
