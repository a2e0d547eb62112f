"""A T.30 terminal: takes and gives 20 ms of linear sound, and sends or receives pages meanwhile. No clock, no thread.

Time passes by the sound it is given, so that a call of minutes is run through in a moment where nobody listens.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ivr.media.fax.library import (
    CODINGS,
    MODEMS,
    RESOLUTIONS,
    SIZES,
    EndHandler,
    Figures,
    PageHandler,
    spandsp,
)
from ivr.media.g711 import FRAME, Samples

Modem = Literal["v27ter", "v29", "v17"]
ALL_MODEMS: Final[tuple[Modem, ...]] = ("v27ter", "v29", "v17")
#: The longest a station's name may be (T.30, 5.3.6.2.4), and what it may consist of.
_LONGEST_NAME: Final = 20
_NAME: Final = frozenset("+0123456789 ")

#: How a call ended, by spandsp's completion code (t30.h); what is not here is `failed`.
_WORDS: Final = {
    0: "sent",
    **dict.fromkeys((2, 3), "no_machine"),
    **dict.fromkeys((6, 16), "line_too_bad"),
    **dict.fromkeys((8, 9, 10, 11, 12), "incompatible"),
    **dict.fromkeys((13, 14, 15, 17, 18, 19, 20, 21, 22), "broken_off"),
    48: "broken_off",
    49: "cut",
}
_CODINGS: Final = {1: "T.4 1-D", 2: "T.4 2-D", 3: "T.6"}


@dataclass(frozen=True, slots=True)
class FaxResult:
    """How a fax ended.

    `word` is `sent` (all pages are confirmed; for a receiver: all came), `no_machine` (none was heard), `cut` (the
    call ended first), `broken_off` by the other side, `line_too_bad` for any speed, `incompatible` or `failed`.
    `pages` were confirmed by the other side (or came), `speed` is in bit/s, `machine` is what the other calls itself.
    """

    word: str
    pages: int = 0
    speed: int = 0
    ecm: bool = False
    coding: str = ""
    machine: str = ""
    #: spandsp's completion code, for the log; -1 where there was none.
    code: int = -1


class FaxTerminal:
    """One fax call. With `send` it calls (waits for the other's answer tone and sends), with `receive` it answers.

    `first_page` counts from 0: pages before it are left out. `name` is this station's number as the other machine
    shows it, `header` a line on top of each page (ASCII, empty: none). Raises FaxError where spandsp is missing.
    Used by one thread at a time; `close` gives its memory back.
    """

    def __init__(
        self,
        *,
        send: Path | None = None,
        receive: Path | None = None,
        first_page: int = 0,
        name: str = "",
        header: str = "",
        ecm: bool = True,
        modems: Sequence[Modem] = ALL_MODEMS,
    ) -> None:
        self._library = library = spandsp()
        self._fax = library.fax_init(None, int(send is not None))
        self._sends = send is not None
        self._code = -1
        #: Whether the other machine has said what it can do.
        self.found = False
        #: Whether the call is over.
        self.done = False
        self._closed: FaxResult | None = None
        self._last = Figures()
        self._t30 = t30 = library.fax_get_t30_state(self._fax)
        library.fax_set_transmit_on_idle(self._fax, 1)
        library.t30_set_ecm_capability(t30, int(ecm))
        library.t30_set_supported_modems(t30, sum(MODEMS[one] for one in modems))
        library.t30_set_supported_compressions(t30, CODINGS)
        library.t30_set_supported_resolutions(t30, RESOLUTIONS)
        library.t30_set_supported_image_sizes(t30, SIZES)
        library.t30_set_tx_ident(t30, _station(name))
        if header:
            library.t30_set_tx_page_header_info(t30, header.encode("ascii", "replace")[:50])
        if send is not None:
            library.t30_set_tx_file(t30, str(send).encode(), first_page, -1)
        if receive is not None:
            library.t30_set_rx_file(t30, str(receive).encode(), -1)
        # The library calls these; they must live as long as it may.
        self._handlers = (PageHandler(self._spoken), PageHandler(self._paged), EndHandler(self._ended))
        library.t30_set_phase_b_handler(t30, self._handlers[0], None)
        library.t30_set_phase_d_handler(t30, self._handlers[1], None)
        library.t30_set_phase_e_handler(t30, self._handlers[2], None)

    @property
    def pages(self) -> int:
        """Pages confirmed, or received, so far."""
        figures = self._figures()
        return int(figures.pages_tx if self._sends else figures.pages_rx)

    def hear(self, samples: Samples) -> None:
        """Sound of the other side: any number of 16-bit samples at 8 kHz."""
        if not self.done:
            heard = np.ascontiguousarray(samples, np.int16)
            self._library.fax_rx(self._fax, _at(heard), len(heard))

    def say(self, size: int = FRAME) -> Samples:
        """Our next samples; silence once the call is over."""
        said = np.zeros(size, np.int16)
        if self._fax is not None:
            self._library.fax_tx(self._fax, _at(said), size)
            # The end is told before the last word (DCN) has been said.
            self.done = self.done or (self._code >= 0 and not self._library.t30_call_active(self._t30))
        return said

    def result(self) -> FaxResult:
        """How it stands, or ended."""
        if self._closed is not None:
            return self._closed
        figures = self._figures()
        machine = self._library.t30_get_rx_ident(self._t30) or b""
        return FaxResult(
            _WORDS.get(self._code, "failed") if self._code >= 0 else ("cut" if self.found else "no_machine"),
            pages=int(figures.pages_tx if self._sends else figures.pages_rx),
            speed=int(figures.bit_rate) if self.found else 0,
            ecm=self.found and bool(figures.error_correcting_mode),
            coding=_CODINGS.get(int(figures.encoding), "") if self.found else "",
            machine=machine.decode("ascii", "replace").strip(),
            code=self._code,
        )

    def close(self) -> FaxResult:
        """End it if it goes on, and give the memory back; how it ended. Harmless if repeated."""
        if self._closed is None:
            self._closed, self._last = self.result(), self._figures()
            self._library.t30_terminate(self._t30)
            fax, self._fax = self._fax, None
            self.done = True
            self._library.fax_free(fax)
        return self._closed

    def _figures(self) -> Figures:
        if self._fax is None:
            return self._last
        figures = Figures()
        self._library.t30_get_transfer_statistics(self._t30, ctypes.byref(figures))
        return figures

    # Called by the library, within `hear` or `say`.

    def _spoken(self, _t30: int, _user: int, _what: int) -> int:
        self.found = True
        return 0

    def _paged(self, _t30: int, _user: int, _what: int) -> int:
        return 0

    def _ended(self, _t30: int, _user: int, code: int) -> None:
        if self._code < 0:
            self._code = code


def _station(name: str) -> bytes:
    """A number as T.30 lets a station call itself: digits, plus and space."""
    return "".join(one for one in name if one in _NAME)[:_LONGEST_NAME].encode()


def _at(samples: Samples) -> ctypes._Pointer[ctypes.c_int16]:
    return samples.ctypes.data_as(ctypes.POINTER(ctypes.c_int16))
