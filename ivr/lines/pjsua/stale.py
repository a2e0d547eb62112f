"""Media ports that a telephone still sends to, although the call there is long gone.

When a process dies, its callers' telephones know nothing of it and go on sending. PJSIP answers whoever sends
first: were such a port given to a new call, the old caller would hear the new one's words and press its keys.
So the ports are listened to before the library starts, and those that are sent to are kept from it.
"""

from __future__ import annotations

import select
import socket
import time

#: Three frames of a telephone that sends.
LISTEN_SECONDS = 0.06


class StalePorts:
    """Holds the even ports of a range that somebody sends to, until it is closed. Waits `seconds` to find them."""

    def __init__(self, host: str, first: int, count: int, *, seconds: float = LISTEN_SECONDS) -> None:
        candidates = [_bound(host, port) for port in range(first + first % 2, first + count, 2)]
        sockets = [one for one in candidates if one is not None]
        if sockets:
            time.sleep(seconds)
        watch = select.poll()
        for one in sockets:
            watch.register(one, select.POLLIN)
        sent_to = {descriptor for descriptor, _ in watch.poll(0)}
        self._held = [one for one in sockets if one.fileno() in sent_to]
        #: The ports that are held.
        self.ports = [int(one.getsockname()[1]) for one in self._held]
        for one in sockets:
            if one not in self._held:
                one.close()

    def close(self) -> None:
        """Let go of them."""
        for one in self._held:
            one.close()
        self._held.clear()


def _bound(host: str, port: int) -> socket.socket | None:
    """A socket on the port; None if the port cannot be had, and so the library cannot have it either."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        one.bind((host, port))
    except OSError:
        one.close()
        return None
    return one
