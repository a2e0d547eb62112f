"""baresip, a telephone that we did not write, calling the line and called by it: UDP, TCP, TLS and SRTP."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from baresip_phone import INSTALLED, BaresipPhone, tls_files
from free_ports import free_port
from peer_desk import TONE, open_peer_desk
from sip_caller import dominant, sine

from ivr.lines.base import Answered, Ended, HoldChanged, RecordEnded, RecordRequest
from ivr.media.clip import Clip

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(not INSTALLED, reason="baresip is not installed (apt-get install baresip)"),
]
#: Transport, and whether the sound is SRTP.
ways = pytest.mark.parametrize(
    ("transport", "srtp"), [("udp", False), ("tcp", False), ("udp", True), ("tls", False), ("tls", True)]
)
SPOKEN = 900.0


def set_up(folder: Path, transport: str, srtp: bool) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Settings of the line, options of the telephone, and the port of the line (0: its SIP port)."""
    phone = {"transport": transport, "srtp": srtp, "say": sine(SPOKEN, 10.0)}
    line: dict[str, Any] = {"srtp": "required"} if srtp else {}
    if transport != "tls" and not srtp:
        return line, phone, 0
    tls = tls_files(folder / "tls")
    phone["tls"] = tls
    if transport != "tls":
        return line, phone, 0
    port = free_port()
    line |= {
        "tls_port": port,
        "tls_certificate": str(tls.certificate),
        "tls_key": str(tls.key),
        "tls_ca": str(tls.authority),
    }
    return line, phone, port


def messages(trace: str, first: str) -> list[str]:
    """SIP messages in baresip's trace whose first line begins so."""
    return re.findall(
        rf"^{re.escape(first)}.*?(?:\r?\n){{2}}.*?(?=\x1b|^#|\Z)", trace, re.MULTILINE | re.DOTALL
    )


@ways
async def test_baresip_calls_hears_speaks_presses_holds_and_hangs_up(
    transport: str, srtp: bool, tmp_path: Path
) -> None:
    line, options, port = set_up(tmp_path, transport, srtp)
    folder = tmp_path / "phone"
    folder.mkdir()
    async with open_peer_desk(**line) as desk, BaresipPhone(folder, **options) as phone:
        await phone.dial(f"sip:4001@127.0.0.1:{port or desk.line.port}")
        visit = await desk.answered()
        visit.leg.record(RecordRequest("r", tmp_path / "r.wav", 10.0, 10.0, beep=False))
        await asyncio.sleep(0.6)
        await phone.press("86*#")
        await visit.until(lambda: len(visit.keys) == 4)
        await phone.hold(True)
        await visit.until(lambda: visit.all(HoldChanged) == [HoldChanged(True)])
        await phone.hold(False)
        await visit.until(lambda: len(visit.all(HoldChanged)) == 2)
        await phone.hang_up()
        assert (await visit.event(Ended)).by == "caller"
        recorded = await visit.event(RecordEnded)
        await desk.idle()
    assert visit.keys == "86*#"
    said = Clip.from_wav(recorded.path).samples()
    assert abs(dominant(said[800:]) - SPOKEN) < 10
    assert abs(dominant(_loud(phone.heard())) - TONE) < 10
    assert f"SIP/2.0/{transport.upper()}" in phone.output
    assert "SIP/2.0 200" in phone.output
    assert ("a=crypto:" in phone.output and "RTP/SAVP" in phone.output) is srtp


@ways
async def test_baresip_is_called_and_hung_up_on(transport: str, srtp: bool, tmp_path: Path) -> None:
    line, options, _ = set_up(tmp_path, transport, srtp)
    folder = tmp_path / "phone"
    folder.mkdir()
    async with open_peer_desk(**line) as desk, BaresipPhone(folder, answers=True, **options) as phone:
        visit = await desk.dial(phone.uri)
        await visit.event(Answered)
        visit.leg.record(RecordRequest("r", tmp_path / "r.wav", 10.0, 10.0, beep=False))
        await asyncio.sleep(0.6)
        await phone.press("42")
        await visit.until(lambda: len(visit.keys) == 2)
        visit.leg.hang_up()
        assert (await visit.event(Ended)).by == "us"
        recorded = await visit.event(RecordEnded)
        await desk.idle()
        await asyncio.sleep(0.2)
    assert visit.keys == "42"
    assert abs(dominant(Clip.from_wav(recorded.path).samples()[800:]) - SPOKEN) < 10
    assert abs(dominant(_loud(phone.heard())) - TONE) < 10
    assert re.search(r"BYE sip:", phone.output)


@ways
async def test_baresip_is_called_and_hangs_up(transport: str, srtp: bool, tmp_path: Path) -> None:
    line, options, _ = set_up(tmp_path, transport, srtp)
    folder = tmp_path / "phone"
    folder.mkdir()
    async with open_peer_desk(**line) as desk, BaresipPhone(folder, answers=True, **options) as phone:
        visit = await desk.dial(phone.uri)
        await visit.event(Answered)
        await asyncio.sleep(0.5)
        await phone.hang_up()
        assert (await visit.event(Ended)).by == "caller"
        await desk.idle()


def _loud(pcm: Any) -> Any:
    """From the first sound on."""
    return pcm[int(np.argmax(np.abs(pcm.astype(int)) > 300)) :]
