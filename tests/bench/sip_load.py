"""SIPp as the load of the figures: its scenarios, and the sound that each of its calls sends (50 packets a second)."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ivr.media.g711 import Law, encode

_EVENTS = 101
_PCMA = 8
_FRAME = 160
#: Packets of a key: 100 ms, and its end said three times (RFC 4733, section 2.5.1.4).
_KEY_PACKETS, _KEY_ENDS = 5, 3
_KEYS = "0123456789*#"

_SCENARIO = """<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="load">
  <send retrans="500">
    <![CDATA[
      INVITE sip:{user}@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]x[call_number]
      To: <sip:{user}@[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: 1 INVITE
      Contact: <sip:sipp@[local_ip]:[local_port]>
      Max-Forwards: 70
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=sipp 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 8 101
      a=rtpmap:8 PCMA/8000
      a=rtpmap:101 telephone-event/8000
      a=fmtp:101 0-16

    ]]>
  </send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="503" optional="true" next="refused"/>
  <recv response="486" optional="true" next="refused"/>
  <recv response="200" rtd="true"/>
  <send>
    <![CDATA[
      ACK sip:{user}@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]x[call_number]
      To: <sip:{user}@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
      CSeq: 1 ACK
      Max-Forwards: 70
      Content-Length: 0

    ]]>
  </send>
{sound}  <pause milliseconds="{milliseconds}"/>
  <send retrans="500">
    <![CDATA[
      BYE sip:{user}@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]x[call_number]
      To: <sip:{user}@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
      CSeq: 2 BYE
      Max-Forwards: 70
      Content-Length: 0

    ]]>
  </send>
  <recv response="200" next="over"/>
  <label id="refused"/>
  <send>
    <![CDATA[
      ACK sip:{user}@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-{back}]
      From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]x[call_number]
      To: <sip:{user}@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
      CSeq: 1 ACK
      Max-Forwards: 70
      Content-Length: 0

    ]]>
  </send>
  <label id="over"/>
</scenario>
"""
_PLAY = '  <nop><action><exec play_pcap_audio="{path}"/></action></nop>\n'


def write_scenario(
    path: Path, seconds: float, sound: Path | None = None, *, user: str = "4000001234"
) -> Path:
    """A call of so many seconds that sends a sound from the answer on."""
    play = _PLAY.format(path=sound) if sound is not None else ""
    text = _SCENARIO.format(
        user=user, sound=play, milliseconds=round(seconds * 1000), back=11 if sound else 10
    )
    path.write_text(text, encoding="utf-8")
    return path


def write_sound(
    path: Path,
    seconds: float,
    keys: Sequence[tuple[float, str]] = (),
    seed: int = 1,
    *,
    said: NDArray[np.int16] | None = None,
) -> Path:
    """A capture file of a caller who says `said` (over and over; else makes noise), and presses keys at moments in
    seconds. A-law."""
    noise = np.random.default_rng(seed).normal(0, 2500, _FRAME * 50).astype(np.int16)
    audio = encode(noise if said is None else said[: len(said) // _FRAME * _FRAME], Law.A)
    presses = {round(at * 50): key for at, key in keys}
    packets, pressed, number = [], -100, 0
    stamp_pressed, key = 0, ""
    for tick in range(round(seconds * 50)):
        if tick in presses:
            pressed, key, stamp_pressed = tick, presses[tick], tick * _FRAME
        since = tick - pressed
        if since < _KEY_PACKETS:
            ends = since == _KEY_PACKETS - 1
            for _ in range(_KEY_ENDS if ends else 1):
                event = struct.pack("!BBH", _KEYS.index(key), 0x8A if ends else 0x0A, (since + 1) * _FRAME)
                packets.append((tick, _rtp(number, stamp_pressed, _EVENTS, not since) + event))
                number += 1
        else:
            start = tick * _FRAME % len(audio)
            sound = audio[start : start + _FRAME]
            packets.append((tick, _rtp(number, tick * _FRAME, _PCMA, tick == 0) + sound))
            number += 1
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
        for tick, data in packets:
            frame = _frame(data)
            second, twentieths = divmod(tick, 50)
            file.write(struct.pack("<IIII", second, twentieths * 20_000, len(frame), len(frame)) + frame)
    return path


def _rtp(number: int, stamp: int, payload_type: int, marker: bool) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type | marker << 7, number & 0xFFFF, stamp, 0x5117)


def _frame(data: bytes) -> bytes:
    """An Ethernet frame around a UDP payload; SIPp puts in its own addresses and ports."""
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(data), 0) + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + udp


def sipp(
    scenario: Path, target: int, *, media: int, calls: int, rate: float, core: int, seconds: float
) -> subprocess.Popen[bytes]:
    """SIPp on one core, calling a port of loopback; `seconds` is the longest it may take."""
    command = [
        "taskset", "-c", str(core), "sipp", "-sf", str(scenario), f"127.0.0.1:{target}", "-i", "127.0.0.1",
        "-mp", str(media), "-m", str(calls), "-r", f"{rate:g}", "-l", "5000", "-nostdin",
        "-timeout", f"{seconds:.0f}s", "-trace_err", "-error_file", str(scenario.with_suffix(".errors")),
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        cwd=scenario.parent,
        stdin=subprocess.DEVNULL,
        stdout=scenario.with_suffix(".screen").open("wb"),
        stderr=subprocess.STDOUT,
    )


def unused_media_port(seed: int | None = None) -> int:
    """An even port for the callers' media, where nobody listens."""
    return random.Random(seed).randrange(3000, 4900, 2)
