"""What a run of the call generator is to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ivr.errors import LineError
from ivr.lines.phone_script import Step, parse_script

#: Calls at once that one process of the generator places without being the bottleneck itself.
CALLS_A_PROCESS = 250


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """`total` calls to `address`, at most `at_once` at a time, `rate` new ones a second, each doing `script`.

    Times are in seconds. Raises LineError: H220 for a script that is not understood, H230 for a figure that
    cannot be.
    """

    address: str
    script: str = "until-silence hangup"
    total: int = 10
    at_once: int = 10
    rate: float = 5.0
    #: A recording that every call must hear whole; None: anything that sounds.
    expect: Path | None = None
    #: The number the first caller shows; the next one shows the next number.
    caller: str = "13800000000"
    host: str = "127.0.0.1"
    transport: str = "udp"
    #: How long the answer may take, and something to hear after the answer and after `until-silence` begins.
    answer_within: float = 30.0
    sound_within: float = 5.0
    longest: float = 300.0
    #: Share of the packets (0…1) that may be missing.
    loss_allowed: float = 0.01
    processes: int = 0

    def __post_init__(self) -> None:
        _require(self.total >= 1, f"{self.total} calls are none; ask for 1 or more")
        _require(self.at_once >= 1, f"{self.at_once} calls at once are none; ask for 1 or more")
        _require(0 < self.rate <= 1000, f"{self.rate:g} calls a second cannot be; ask for 0.1 to 1000")
        _require(0 <= self.loss_allowed <= 1, "the share that may be lost lies between 0 and 1")
        _require(self.transport in ("udp", "tcp", "tls"), "the transport is udp, tcp or tls")
        _require(
            self.expect is None or self.expect.is_file(),
            f"{self.expect} is no file; name a WAV file to expect",
        )
        self.steps()

    @property
    def target(self) -> str:
        """The address to dial, with the transport asked for."""
        if self.transport == "udp" or ";transport=" in self.address:
            return self.address
        return f"{self.address};transport={self.transport}"

    def steps(self) -> tuple[Step, ...]:
        """The script, read."""
        return parse_script(self.script)

    def shares(self) -> tuple[LoadPlan, ...]:
        """The plan cut up for as many processes as it needs (or asks for); numbers of callers do not overlap."""
        parts = self.processes or -(-self.at_once // CALLS_A_PROCESS)
        parts = min(parts, self.at_once, self.total)
        first = 0
        shares = []
        for part in range(parts):
            total = _share(self.total, parts, part)
            shares.append(
                replace(
                    self,
                    total=total,
                    at_once=_share(self.at_once, parts, part),
                    rate=self.rate / parts,
                    caller=number_after(self.caller, first),
                    processes=1,
                )
            )
            first += total
        return tuple(shares)


def number_after(number: str, count: int) -> str:
    """The telephone number `count` after this one; what is no number stays as it is."""
    return str(int(number) + count).zfill(len(number)) if number.isdecimal() else number


def _share(whole: int, parts: int, part: int) -> int:
    return whole // parts + (part < whole % parts)


def _require(good: bool, message: str) -> None:
    if not good:
        raise LineError(message, code="H230")
