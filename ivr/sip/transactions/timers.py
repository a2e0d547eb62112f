"""How long the transactions wait: timers A to M of RFC 3261, section 17, and RFC 6026, section 7."""

from __future__ import annotations

from dataclasses import dataclass

#: The client does not know the T1 of the server, so that timer D has a floor of its own (section 17.1.1.2).
TIMER_D_LEAST = 32.0


@dataclass(frozen=True, slots=True)
class Timers:
    """The base values, all in seconds, and what follows from them. `reliable` is the flow's: TCP or TLS."""

    #: An estimate of the round trip: the first wait of everything that is sent again.
    t1: float = 0.5
    #: The longest wait between two sendings of anything but an INVITE.
    t2: float = 4.0
    #: How long a message may stay in the network.
    t4: float = 5.0
    #: An INVITE that nobody has said anything about for so long is answered 100.
    trying: float = 0.2

    @property
    def whole(self) -> float:
        """64*T1: timers B, F, H, L and M, and all that a transaction may last without an answer."""
        return 64 * self.t1

    def d(self, reliable: bool) -> float:
        """How long a refused INVITE client acknowledges the refusal's repetitions."""
        return 0.0 if reliable else max(TIMER_D_LEAST, self.whole)

    def i(self, reliable: bool) -> float:
        """How long an INVITE server absorbs repeated ACKs."""
        return 0.0 if reliable else self.t4

    def j(self, reliable: bool) -> float:
        """How long a non-INVITE server answers repeated requests."""
        return 0.0 if reliable else self.whole

    def k(self, reliable: bool) -> float:
        """How long a non-INVITE client absorbs repeated responses."""
        return 0.0 if reliable else self.t4

    @property
    def e_reaches_t2(self) -> float:
        """When a client's timer E is first set to T2: the moment of a non-INVITE's 100 (RFC 4320, section 4.1)."""
        waited, interval = 0.0, self.t1
        while interval < self.t2:
            waited += interval
            interval *= 2
        return waited
