"""Figures from a capture: how punctual and complete the sound was, and how soon things followed one another."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sip_capture import KEY

FRAME_SECONDS = 0.020
#: Timestamps of G.711 in a second.
_RATE = 8000
_CALL_ID = re.compile(r"(?im)^(?:call-id|i)\s*:\s*(\S+)")
_CSEQ = re.compile(r"(?im)^cseq\s*:\s*(\d+)\s+(\w+)")
_MEDIA = re.compile(r"(?m)^m=audio (\d+)")


@dataclass(frozen=True, slots=True)
class Sound:
    """All streams of a run together. Times in seconds."""

    streams: int
    packets: int
    lost: int
    #: How long after its place in the 20 ms grid of its stream each packet came.
    lateness: NDArray[np.float64] = field(repr=False)
    #: From a packet to the next of its stream.
    gaps: NDArray[np.float64] = field(repr=False)

    @property
    def missing(self) -> float:
        """Packets lost; not a number where nothing was heard at all."""
        return float(self.lost) if self.packets else float("nan")

    def late(self, share: float) -> float:
        """A percentile of lateness."""
        return percentile(self.lateness, share)


def percentile(values: Any, share: float) -> float:
    """The nearest-rank percentile; not a number where nothing was measured."""
    ordered = np.sort(np.asarray(values, float))
    if not len(ordered):
        return float("nan")
    return float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])


def times(records: NDArray[np.void]) -> NDArray[np.float64]:
    """Unix seconds of each record."""
    return np.asarray(records["seconds"] + records["nanoseconds"] / 1e9)


def streams(records: NDArray[np.void], media: int, since: float = 0.0, until: float = 1e12) -> list[Any]:
    """The packets to the callers, one array for each of the line's ports, in order of arrival."""
    at = times(records)
    ours = records[(records["target"] == media) & (at >= since) & (at < until)]
    order = np.argsort(ours["source"], kind="stable")
    ours = ours[order]
    edges = np.flatnonzero(np.diff(ours["source"])) + 1
    return [one for one in np.split(ours, edges) if len(one) > 1]


def sound(records: NDArray[np.void], media: int, since: float = 0.0, until: float = 1e12) -> Sound:
    """Punctuality and loss of what the line sent in a window of time."""
    lateness, gaps, packets, lost = [], [], 0, 0
    found = streams(records, media, since, until)
    for one in found:
        at = times(one)
        ticks = np.unwrap(one["timestamp"].astype(float), period=2.0**32) / _RATE
        offset = at - at[0] - (ticks - ticks[0])
        lateness.append(offset - offset.min())
        gaps.append(np.diff(at))
        numbers = np.unwrap(one["sequence"].astype(float), period=2.0**16)
        lost += int(numbers.max() - numbers.min() + 1 - len(np.unique(numbers)))
        packets += len(one)
    nothing = np.zeros(0)
    return Sound(
        len(found), packets, lost, np.concatenate([nothing, *lateness]), np.concatenate([nothing, *gaps])
    )


@dataclass(slots=True)
class SetUp:
    """When one call was asked for, answered, and with which port of the line."""

    invited: float = 0.0
    answered: float = 0.0
    port: int = 0
    status: int = 0


def set_ups(messages: list[tuple[float, str]]) -> dict[str, SetUp]:
    """The calls of a capture by their Call-ID."""
    calls: dict[str, SetUp] = {}
    for at, text in messages:
        call_id, sequence = _CALL_ID.search(text), _CSEQ.search(text)
        if call_id is None or sequence is None or sequence.group(2) != "INVITE":
            continue
        if text.startswith("INVITE"):
            call = calls.setdefault(call_id.group(1), SetUp())
            call.invited = call.invited or at
        elif call_id.group(1) in calls and text.startswith("SIP/2.0 "):
            _final(calls[call_id.group(1)], at, text)
    return calls


def _final(call: SetUp, at: float, text: str) -> None:
    status = int(text[8:11])
    if status < 200 or call.status:
        return
    call.status, call.answered = status, at
    port = _MEDIA.search(text)
    call.port = int(port.group(1)) if port else 0


def to_first_packet(records: NDArray[np.void], calls: dict[str, SetUp], media: int) -> list[float]:
    """Seconds from each 200 to the first packet of sound."""
    found = {int(one["source"][0]): times(one) for one in streams(records, media)}
    waits = []
    for call in calls.values():
        at = found.get(call.port)
        if call.status == 200 and at is not None and (after := at[at >= call.answered]).size:
            waits.append(float(after[0] - call.answered))
    return waits


def after_keys(
    records: NDArray[np.void], media: int, first: int, second: int
) -> tuple[list[float], list[float]]:
    """Seconds from a key's first packet to the second prompt, and for which the first prompt went on.

    `first` and `second` are the octets with which every frame of the two prompts begins; a line that decodes and
    encodes again may give the code beside.
    """
    found = {int(one["source"][0]): one for one in streams(records, media)}
    keys = records[(records["source"] == media) & (records["kind"] == KEY)]
    nexts, on = [], []
    for key, pressed in zip(keys, times(keys), strict=True):
        stream = found.get(int(key["target"]))
        if stream is None:
            continue
        at, octets = times(stream), stream["first"].astype(int)
        window = (at > pressed) & (at < pressed + 2.0)
        new = at[window & (np.abs(octets - second) <= 1)]
        if not new.size:
            continue
        nexts.append(float(new[0] - pressed))
        old = at[window & (np.abs(octets - first) <= 1) & (at < new[0])]
        on.append(float(old[-1] - pressed) if old.size else 0.0)
    return nexts, on
