"""Ports of loopback that nobody holds, for programs that must be told theirs."""

from __future__ import annotations

import contextlib
import socket


def free_port() -> int:
    """A port free for UDP and TCP, with the next one free too."""
    while True:
        with contextlib.ExitStack() as stack:
            opened = [
                stack.enter_context(socket.socket(socket.AF_INET, kind))
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_STREAM)
            ]
            opened[0].bind(("127.0.0.1", 0))
            port = int(opened[0].getsockname()[1])
            try:
                opened[1].bind(("127.0.0.1", port))
                opened[2].bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
