"""A fax on a leg's port. The modem works in a thread of its own: a page's beginning may take it some milliseconds.

Each beat of the media clock brings the thread what was heard, and takes a frame that was made a few beats before.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from ivr.media import g711
from ivr.media.fax.terminal import FaxResult, FaxTerminal
from ivr.media.g711 import FRAME, SILENCE, Law
from ivr.media.port import AudioPort, Post

#: Frames made ahead (240 ms): how late the thread may be without a gap in what the other machine hears, also where the
#: clock takes several at once after a stall. T.30 gives answers three seconds.
LEAD: Final = 12
#: Beats without any sound (0.5 s) after which silence is taken for heard: the protocol's clocks go on.
_PATIENCE: Final = 25

_log = logging.getLogger(__name__)
_nothing = np.zeros(FRAME, np.int16)


class FaxSending:
    """A terminal on a port, from `start` until its result. Used in the loop's thread, but for the clock's side.

    It begins to sound when whatever is played on the port is over. `told` hears of the other machine's answer and of
    each page confirmed, as the number of pages so far.
    """

    def __init__(
        self,
        port: AudioPort,
        terminal: FaxTerminal,
        *,
        post: Post,
        told: Callable[[int], None] = lambda pages: None,
    ) -> None:
        self._port = port
        self._terminal = terminal
        self._post = post
        self._told = told
        self._heard: list[bytes] = []
        self._beats: queue.SimpleQueue[tuple[bytes, Law] | None] = queue.SimpleQueue()
        self._ready: deque[bytes] = deque()
        self._thread: threading.Thread | None = None
        self._over: FaxResult | None = None
        self._stopped = False
        #: How it ended.
        self.result: asyncio.Future[FaxResult] = asyncio.get_running_loop().create_future()
        #: Whether another machine has answered.
        self.found = False
        #: Frames that were not ready when the clock wanted them.
        self.starved = 0

    def start(self) -> None:
        """Take the port over. Nothing is to be played on it from now on."""
        self._port.hear(self)
        self._port.listen(self._listen)

    def stop(self) -> None:
        """End it now and give the port back; the result follows, for certain. Harmless if repeated."""
        if self._stopped:
            return
        self._stopped = True
        self._port.hear(None)
        self._port.stop_listening(self._listen)
        if self._thread is None:
            self._end(self._terminal.close())
        elif self._over is not None:
            self._end(self._over)
        else:
            self._beats.put(None)

    # The clock's side.

    def _listen(self, frame: bytes) -> None:
        # Silence itself, not what sounds like it, stands for packets that are late: a modem would rather wait for them.
        if frame is not SILENCE[self._port.law]:
            self._heard.append(frame)

    def next_frame(self, law: Law) -> bytes:
        """See AudioSource."""
        heard, self._heard = self._heard, []
        if self._thread is None:
            heard = []  # what came while we were still speaking is no answer to us
            self._begin()
        self._beats.put((b"".join(heard), law))
        if self._ready:
            return self._ready.popleft()
        if self._over is None:
            self.starved += 1
        else:
            self._post(partial(self._end, self._over))
        return SILENCE[law]

    def _begin(self) -> None:
        self._ready.extend([SILENCE[self._port.law]] * LEAD)
        self._thread = threading.Thread(target=self._run, name="fax", daemon=True)
        self._thread.start()

    # The modem's thread.

    def _run(self) -> None:
        try:
            self._work()
        except Exception:
            _log.exception("a fax failed")
        result = self._terminal.close()
        self._over = result
        if self._stopped:
            self._post(partial(self._end, result))

    def _work(self) -> None:
        terminal, silent, pages = self._terminal, 0, -1
        while not terminal.done and (beat := self._beats.get()) is not None:
            heard, law = beat
            silent = 0 if heard else silent + 1
            if heard:
                terminal.hear(g711.decode(heard, law))
            elif silent > _PATIENCE:
                terminal.hear(_nothing)
            self._ready.append(g711.encode(terminal.say(), law))
            if terminal.found and terminal.pages != pages:
                pages = terminal.pages
                self._post(partial(self._progress, pages))

    # The loop's side again.

    def _progress(self, pages: int) -> None:
        self.found = True
        if not self.result.done():
            self._told(pages)

    def _end(self, result: FaxResult) -> None:
        self.stop()
        if not self.result.done():
            self.result.set_result(result)
