"""spandsp, as far as it is needed: its functions by name, with their types."""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int16, c_void_p
from functools import cache
from typing import Any, Final

from ivr.media.errors import FaxError

#: Version 0.0.6 (Debian: libspandsp2). Later ones have other structures behind the same names.
_NAME: Final = "libspandsp.so.2"

PageHandler = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
EndHandler = CFUNCTYPE(None, c_void_p, c_void_p, c_int)
_Samples = POINTER(c_int16)

#: Bits of spandsp's t30.h: modems V.27ter, V.29 and V.17; codings T.4 1-D, T.4 2-D and T.6; resolutions; sizes.
MODEMS: Final = {"v27ter": 0x01, "v29": 0x02, "v17": 0x04}
CODINGS: Final = 0x02 | 0x04 | 0x08
RESOLUTIONS: Final = 0x01 | 0x02 | 0x20000
SIZES: Final = 0x01 | 0x10000 | 0x20000


class Figures(ctypes.Structure):
    """`t30_stats_t` of version 0.0.6."""

    _fields_ = [
        (name, c_int)
        for name in (
            "bit_rate", "error_correcting_mode", "pages_tx", "pages_rx", "pages_in_file", "x_resolution",
            "y_resolution", "width", "length", "image_size", "encoding", "bad_rows", "longest_bad_row_run",
            "retries", "status",
        )
    ]  # fmt: skip


_TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "fax_init": (c_void_p, c_void_p, c_int),
    "fax_free": (c_int, c_void_p),
    "fax_rx": (c_int, c_void_p, _Samples, c_int),
    "fax_tx": (c_int, c_void_p, _Samples, c_int),
    "fax_get_t30_state": (c_void_p, c_void_p),
    "fax_set_transmit_on_idle": (None, c_void_p, c_int),
    "t30_set_tx_file": (None, c_void_p, c_char_p, c_int, c_int),
    "t30_set_rx_file": (None, c_void_p, c_char_p, c_int),
    "t30_set_tx_ident": (c_int, c_void_p, c_char_p),
    "t30_get_rx_ident": (c_char_p, c_void_p),
    "t30_set_tx_page_header_info": (c_int, c_void_p, c_char_p),
    "t30_set_ecm_capability": (c_int, c_void_p, c_int),
    "t30_set_supported_modems": (c_int, c_void_p, c_int),
    "t30_set_supported_compressions": (c_int, c_void_p, c_int),
    "t30_set_supported_resolutions": (c_int, c_void_p, c_int),
    "t30_set_supported_image_sizes": (c_int, c_void_p, c_int),
    "t30_set_phase_b_handler": (None, c_void_p, PageHandler, c_void_p),
    "t30_set_phase_d_handler": (None, c_void_p, PageHandler, c_void_p),
    "t30_set_phase_e_handler": (None, c_void_p, EndHandler, c_void_p),
    "t30_call_active": (c_int, c_void_p),
    "t30_terminate": (None, c_void_p),
    "t30_get_transfer_statistics": (None, c_void_p, POINTER(Figures)),
}


@cache
def spandsp() -> Any:
    """The library. Raises FaxError (H810) where it is not installed."""
    try:
        found = ctypes.CDLL(_NAME)
        for name, (result, *arguments) in _TYPES.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        raise FaxError(
            f"{_NAME} is not here: no fax can be sent; install it (Debian: apt install libspandsp2)"
        ) from None
    return found


def missing() -> str:
    """What keeps this machine from faxing, to be told to whoever runs it; empty if nothing does."""
    try:
        spandsp()
    except FaxError as error:
        return str(error)
    return ""
