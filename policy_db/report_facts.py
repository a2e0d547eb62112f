"""What reports tell, as frozen records, defined in `docs/reports.md`. Durations are in seconds, shares 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass


def share(part: float, whole: float) -> float | None:
    """Part of a whole; None where there is no whole."""
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Calls that came in a period, without those that the hotline made.

    `brief` ended within ten seconds without asking for a person. Of the others that ended (`served`), `contained`
    asked for no person, left no message and met no fault; `asked` asked for a person, `messages` left a message.
    `seconds` is the length of all that ended.
    """

    calls: int = 0
    ended: int = 0
    brief: int = 0
    contained: int = 0
    asked: int = 0
    messages: int = 0
    faulty: int = 0
    missed: int = 0
    seconds: float = 0.0

    @property
    def served(self) -> int:
        """Calls that ended and were not brief."""
        return self.ended - self.brief

    @property
    def containment(self) -> float | None:
        """Share of served calls that self-service alone answered."""
        return share(self.contained, self.served)

    @property
    def length(self) -> float | None:
        """Mean seconds of a call."""
        return share(self.seconds, self.ended)


@dataclass(frozen=True, slots=True)
class Repeats:
    """Calls of known numbers that were not brief.

    `repeated` had a call of the same number within the seven days before. Of those that had none (`first`), `judged`
    are old enough to tell, and `resolved` were not followed by another within seven days.
    """

    known: int = 0
    repeated: int = 0
    first: int = 0
    judged: int = 0
    resolved: int = 0

    @property
    def repeat_rate(self) -> float | None:
        """Share of calls that are repeats."""
        return share(self.repeated, self.known)

    @property
    def first_call_resolution(self) -> float | None:
        """Share of first calls that needed no second."""
        return share(self.resolved, self.judged)


@dataclass(frozen=True, slots=True)
class OutreachFigures:
    """Calls that the hotline made and that may have rung, of one campaign (`name`) or of all.

    `taken` were answered, by whomever; in `spoken` a person said or did something. `promised`, `links` and `refused`
    (never again) are their outcomes, `kept` the promises that have been kept since; `none_free` wanted a seat and got
    none.
    """

    name: str = ""
    made: int = 0
    taken: int = 0
    spoken: int = 0
    promised: int = 0
    kept: int = 0
    links: int = 0
    refused: int = 0
    none_free: int = 0

    @property
    def reached(self) -> float | None:
        """Share of the calls made in which a person was spoken with."""
        return share(self.spoken, self.made)

    def plus(self, other: OutreachFigures) -> OutreachFigures:
        """Both together, without a name."""
        sums = {one: getattr(self, one) + getattr(other, one) for one in self.__slots__ if one != "name"}
        return OutreachFigures(**sums)


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """Places in line that began in a period and are answered or over, without those kept for a call-back.

    `within` were answered, `given_up_within` abandoned, within the queue's service level seconds. `left` went away
    otherwise: no answer in time, a message, a call-back kept. `wait` and `longest` are of answered calls, `talk` of
    `talked` calls that are over, `wrap_up` of `wrapped` wrap-ups that are over.
    """

    answered: int = 0
    abandoned: int = 0
    left: int = 0
    overflowed: int = 0
    called_back: int = 0
    within: int = 0
    given_up_within: int = 0
    wait: float = 0.0
    longest: float = 0.0
    talked: int = 0
    talk: float = 0.0
    wrapped: int = 0
    wrap_up: float = 0.0

    @property
    def offered(self) -> int:
        """Callers who waited for a person here, whatever came of it, without those who overflowed elsewhere."""
        return self.answered + self.abandoned + self.left

    @property
    def abandonment(self) -> float | None:
        """Share of callers who hung up while they waited."""
        return share(self.abandoned, self.offered)

    @property
    def service_level(self) -> float | None:
        """Answered in time, of all answered (Asterisk's ServicelevelPerf)."""
        return share(self.within, self.answered)

    @property
    def service_level_2(self) -> float | None:
        """Answered or given up in time, of all answered and abandoned (Asterisk's ServicelevelPerf2)."""
        return share(self.within + self.given_up_within, self.answered + self.abandoned)

    @property
    def answer_time(self) -> float | None:
        """Mean seconds until a person answered (ASA)."""
        return share(self.wait, self.answered)

    @property
    def talk_time(self) -> float | None:
        """Mean seconds of talk."""
        return share(self.talk, self.talked)

    @property
    def wrap_up_time(self) -> float | None:
        """Mean seconds of wrap-up."""
        return share(self.wrap_up, self.wrapped)

    @property
    def handling_time(self) -> float | None:
        """Talk and wrap-up of a call on average (AHT)."""
        return share(self.talk + self.wrap_up, self.talked)

    def plus(self, other: QueueFigures) -> QueueFigures:
        """Both together."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in self.__slots__}
        return QueueFigures(**{**sums, "longest": max(self.longest, other.longest)})


@dataclass(frozen=True, slots=True)
class SeatFigures:
    """What a seat did: its calls, and seconds in each state within the period. `missed` counts rings not answered."""

    calls: QueueFigures = QueueFigures()
    missed: int = 0
    signed_in: float = 0.0
    busy: float = 0.0
    paused: float = 0.0

    @property
    def occupancy(self) -> float | None:
        """Share of the time in which it could have worked that it did: ringing, talking, wrap-up."""
        return share(self.busy, self.signed_in - self.paused)
