"""Who may send to a socket: filters that the kernel applies before the library sees a packet.

PJSIP takes RTP from anyone, and counts a stranger's keys as the caller's; and the wheel is compiled with
assertions, so that one malformed packet ends the process. Its sockets cannot be had through its interface,
but they are this process's: each is found by its local port, and a classic BPF program is attached to it.
Linux only; elsewhere nothing is attached and `restrict` says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_SO_ATTACH_FILTER = 26
#: Loads the IPv4 source address: offset 12 of the network header (SKF_NET_OFF).
_LOAD_SOURCE = (0x20, 0, 0, 0xFFF0_0000 + 12)
_AND, _JUMP_IF_EQUAL, _RETURN, _TO_X, _FROM_X = 0x54, 0x15, 0x06, 0x07, 0x87
_WHOLE_PACKET = 0xFFFF_FFFF
#: A jump is one byte, four instructions a network.
MOST_NETWORKS = 60

Instruction = tuple[int, int, int, int]


def program(networks: Iterable[ipaddress.IPv4Network]) -> list[Instruction]:
    """A BPF program that passes packets from these networks and drops the rest."""
    lines: list[Instruction] = [_LOAD_SOURCE, (_TO_X, 0, 0, 0)]
    for network in networks:
        lines += [
            (_FROM_X, 0, 0, 0),
            (_AND, 0, 0, int(network.netmask)),
            (_JUMP_IF_EQUAL, 0, 1, int(network.network_address)),
            (_RETURN, 0, 0, _WHOLE_PACKET),
        ]
    return [*lines, (_RETURN, 0, 0, 0)]


def restrict(port: int, sources: Iterable[str]) -> bool:
    """Let only these IPv4 addresses or networks send to our UDP socket on `port`; whether that was done.

    A later call replaces an earlier one. Packets already received stay.
    """
    networks = sorted({ipaddress.IPv4Network(source) for source in sources})
    if not sys.platform.startswith("linux") or not networks or len(networks) > MOST_NETWORKS:
        return False
    attached = False
    for own in _udp_sockets(port):
        _attach(own, program(networks))
        attached = True
    return attached


def _attach(own: socket.socket, lines: list[Instruction]) -> None:
    octets = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    own.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(lines), ctypes.addressof(octets))
    )


def _udp_sockets(port: int) -> Iterator[socket.socket]:
    """This process's UDP sockets bound to a port, as duplicates that are closed again."""
    for entry in Path("/proc/self/fd").iterdir():
        # A file may be closed by its owner between the listing and the look.
        with contextlib.suppress(OSError):
            if not str(entry.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(entry.name))) as own:
                if (
                    own.family == socket.AF_INET
                    and own.type == socket.SOCK_DGRAM
                    and own.getsockname()[1] == port
                ):
                    yield own


def ipv4(name: str) -> tuple[str, int]:
    """Take the library's `address:port` apart; ("", 0) when it is none of IPv4."""
    host, _, port = name.rpartition(":")
    try:
        return str(ipaddress.IPv4Address(host)), int(port)
    except ValueError:
        return "", 0
