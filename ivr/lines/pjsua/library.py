"""Facts about the loaded pjsua2 that its Python interface does not tell.

The wheel and builds from source differ: how many calls a process carries is fixed when PJSIP is compiled.
Both facts here are read from the shared object itself, with a careful fallback where a build hides it.
"""

from __future__ import annotations

import ctypes

import pjsua2 as pj

#: Asked of `libInit`, which lowers it to what the library was compiled for.
ASKED_CALLS = 4096
#: What PJSIP carries unless it was compiled otherwise.
DEFAULT_CALLS = 4


def _shared_object() -> ctypes.CDLL:
    return ctypes.CDLL(pj._pjsua2.__file__)


def hush() -> None:
    """Keep the library from writing to standard output before `libInit` sets its log level."""
    try:
        _shared_object().pj_log_set_level(0)
    except AttributeError:
        return  # a build that hides the function says a few lines about itself; no more


def can_tell_most_calls() -> bool:
    """Whether this build tells how many calls it carries."""
    return hasattr(_shared_object(), "pjsua_call_get_max_count")


def most_calls() -> int:
    """How many calls the initialised library carries at once."""
    if not can_tell_most_calls():
        return DEFAULT_CALLS
    return int(_shared_object().pjsua_call_get_max_count())
