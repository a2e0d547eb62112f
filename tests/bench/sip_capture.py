"""What was on the wire, with the kernel's times: `python sip_capture.py SIP_PORT MEDIA_PORT FILE`.

Reads loopback through a packet socket (needs CAP_NET_RAW) until its standard input ends: all that goes to the
callers' media port, the first packet of each key that they press, and SIP. Prints `ready`, writes FILE with numpy.
"""

from __future__ import annotations

import ctypes
import gc
import json
import select
import socket
import struct
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SO_ATTACH_FILTER, _SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 26, 35, 33
_PACKET_STATISTICS, _SOL_PACKET = 6, 263
_OUTGOING = 4
#: Marker bit and payload type 101: the first packet of a telephone-event (RFC 4733).
KEY = 0x80 | 101

#: One packet as it is kept: time, ports, and the RTP header with the first octet of its payload.
RECORD = np.dtype(
    [
        ("seconds", "<i8"),
        ("nanoseconds", "<i8"),
        ("source", ">u2"),
        ("target", ">u2"),
        ("version", "u1"),
        ("kind", "u1"),
        ("sequence", ">u2"),
        ("timestamp", ">u4"),
        ("ssrc", ">u4"),
        ("first", "u1"),
    ]
)


def _program(sip: int, media: int) -> bytes:
    """A socket filter (classic BPF; the packet begins with its IP header): see the module's docstring."""
    load_byte, load_half, load_word, equal, give = 0x30, 0x28, 0x20, 0x15, 0x06
    lines = [
        (load_byte, 0, 0, 9),  # 0: protocol
        (equal, 0, 12, 17),  # 1: UDP, else 14
        (load_word, 0, 0, 0xFFFFF004),  # 2: packet type: each is seen twice on loopback
        (equal, 10, 0, _OUTGOING),  # 3: to 14
        (load_half, 0, 0, 22),  # 4: destination port
        (equal, 6, 0, media),  # 5: to 12
        (equal, 6, 0, sip),  # 6: to 13
        (load_half, 0, 0, 20),  # 7: source port
        (equal, 4, 0, sip),  # 8: to 13
        (equal, 0, 4, media),  # 9: else 14
        (load_byte, 0, 0, 29),  # 10: marker and payload type
        (equal, 0, 2, KEY),  # 11: else 14
        (give, 0, 0, 48),  # 12: RTP
        (give, 0, 0, 2048),  # 13: SIP
        (give, 0, 0, 0),  # 14
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def open_socket(sip: int, media: int) -> socket.socket:
    """A packet socket on loopback that sees only what is asked for. Raises PermissionError."""
    one = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    code = _program(sip, media)
    kept = ctypes.create_string_buffer(code)
    one.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("HL", len(code) // 8, ctypes.addressof(kept)),
    )
    one.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 28)
    one.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    one.bind(("lo", 0x0800))
    one.setblocking(False)
    return one


def capture(sip: int, media: int) -> tuple[bytearray, list[tuple[float, bytes]], int]:
    """Until standard input ends: records of RTP, SIP messages with their times, packets missed."""
    records, messages = bytearray(), []
    sip_port = struct.pack("!H", sip)
    with open_socket(sip, media) as one:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        poll = select.poll()
        poll.register(one, select.POLLIN)
        poll.register(sys.stdin, select.POLLIN | select.POLLHUP)
        read = one.recvmsg
        while sys.stdin.fileno() not in (ready := dict(poll.poll())) or one.fileno() in ready:
            try:
                while True:
                    data, ancillary, _, _ = read(2048, 64)
                    at = ancillary[0][2][:16]
                    if sip_port in (data[20:22], data[22:24]):
                        seconds, nanoseconds = struct.unpack("qq", at)
                        messages.append((seconds + nanoseconds / 1e9, data[28:]))
                    else:
                        records += at + data[20:24] + data[28:41]
            except BlockingIOError:
                pass
        _, missed = struct.unpack("II", one.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    return records, messages, missed


def load(path: Path) -> tuple[NDArray[np.void], list[tuple[float, str]], int]:
    """What a capture wrote: RTP records, SIP messages, packets missed."""
    kept = np.load(path)
    messages = json.loads(bytes(kept["messages"]).decode())
    return (
        np.frombuffer(kept["records"].tobytes(), RECORD),
        [tuple(one) for one in messages],
        int(kept["missed"]),
    )


def main() -> None:
    """Capture, and write."""
    gc.disable()
    records, messages, missed = capture(int(sys.argv[1]), int(sys.argv[2]))
    text = json.dumps([(at, data.decode("latin-1")) for at, data in messages]).encode()
    with Path(sys.argv[3]).open("wb") as file:
        np.savez(
            file,
            records=np.frombuffer(bytes(records), np.uint8),
            messages=np.frombuffer(text, np.uint8),
            missed=np.array(missed),
        )


if __name__ == "__main__":
    main()
