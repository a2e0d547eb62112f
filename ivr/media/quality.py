"""How good a call's sound was: figures of its packets, and the mean opinion score that follows from them.

The score is ITU-T G.107's (the E-model, 2015) with everything at its default but what a packet network
changes: R = 93.2 − Id − Ie,eff, then MOS = 1 + 0.035 R + R (R − 60) (100 − R) · 7·10⁻⁶.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: R of an undisturbed call.
BEST = 93.2
#: How well lost G.711 packets are hidden (Bpl of ITU-T G.113, appendix I): with concealment, and as silence.
CONCEALED, SILENT = 25.1, 4.3


@dataclass(frozen=True, slots=True)
class MediaQuality:
    """One leg's sound in figures. What came of nothing (no packets, no report) is 0 or None.

    `lost` counts packets that never came and `loss` is their share (0…1); `late` came after their moment and
    were not heard. `remote_…` is what the other side says of what we sent. `mos` is 1…4.5, or None while
    nothing has come.
    """

    packets_sent: int = 0
    octets_sent: int = 0
    packets_received: int = 0
    octets_received: int = 0
    lost: int = 0
    loss: float = 0.0
    jitter_ms: float = 0.0
    max_jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    remote_loss: float | None = None
    remote_jitter_ms: float | None = None
    mos: float | None = None
    duplicates: int = 0
    late: int = 0
    #: Packets dropped unheard: forged, malformed, of no agreed type.
    dropped: int = 0


def delay_impairment(milliseconds: float) -> float:
    """Idd: what a one-way delay costs, in points of R (G.107, section 7.4)."""
    if milliseconds <= 100.0:
        return 0.0
    x = math.log2(milliseconds / 100.0)
    return float(25.0 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))


def loss_impairment(loss: float, *, burst_ratio: float = 1.0, robustness: float = SILENT) -> float:
    """Ie,eff of G.711: what losing a share of the packets costs, in points of R (G.107, section 7.5)."""
    percent = 100.0 * min(1.0, max(0.0, loss))
    return 95.0 * percent / (percent / max(1.0, burst_ratio) + robustness) if percent else 0.0


def burst_ratio(lost: int, bursts: int, expected: int) -> float:
    """How much longer losses last than if they were independent; 1 or more (G.107, section 7.5)."""
    if not lost or not bursts or lost >= expected:
        return 1.0
    return max(1.0, lost / bursts * (1.0 - lost / expected))


def mos_of(r: float) -> float:
    """The mean opinion score of a transmission rating R (G.107, annex B)."""
    if r <= 0.0:
        return 1.0
    if r >= 100.0:
        return 4.5
    return max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)


def mean_opinion(
    loss: float, delay_ms: float, *, burst_ratio: float = 1.0, robustness: float = SILENT
) -> float:
    """The score for a share of packets not heard and a one-way delay."""
    impairment = loss_impairment(loss, burst_ratio=burst_ratio, robustness=robustness)
    return mos_of(BEST - delay_impairment(delay_ms) - impairment)
