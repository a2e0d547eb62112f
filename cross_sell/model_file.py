"""A model's file: one JSON object, written whole or not at all, small enough to be read in a call's process."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cross_sell.errors import ModelError

#: Bytes that a model's file may have.
LARGEST: Final = 1_000_000


def write_model(path: str | Path, plain: Mapping[str, Any], *, remedy: str) -> Path:
    """Write the file; raises ModelError, with what to do about it, where it would be larger than 1 MB."""
    data = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if len(data) > LARGEST:
        raise ModelError(f"The model is {len(data):,} bytes, above {LARGEST:,}.", remedy)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.write_bytes(data)
    beside.replace(target)
    return target


def read_model(path: str | Path, what: str) -> dict[str, Any]:
    """What `write_model` has written; raises ModelError where it cannot be read or is no `what`."""
    remedy = "Give a file that `save` has written."
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}).", remedy) from error
    if not isinstance(plain, dict):
        raise ModelError(f"{path} is not {what}.", remedy)
    return plain
