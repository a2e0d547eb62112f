"""The telephone as a process of its own: `python run_phone.py ADDRESS [KEYS [SAVE]]`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import structlog

from ivr.lines.pjsua.phone import PhoneOptions, run_phone

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
address, keys, save = [*sys.argv[1:], "", ""][:3]
options = PhoneOptions(
    address, keys, save=Path(save) if save else None, caller="13912345678", host="127.0.0.1"
)
sys.exit(run_phone(options))
