"""What the hotline's log lines look like, and what they never hold."""

from __future__ import annotations

import json
import logging

from ivr.logs import JsonFormatter, MaskingFormatter


def entry(text: str, *values: object, error: BaseException | None = None) -> logging.LogRecord:
    failure = (type(error), error, None) if error is not None else None
    return logging.LogRecord("some.library", logging.ERROR, __file__, 1, text, values, failure)  # type: ignore[arg-type]


def test_what_a_library_logs_is_json_too_and_holds_no_keys() -> None:
    told = json.loads(JsonFormatter("%(message)s").format(entry("caller typed %s\nand %s", "246810", "ok")))
    assert told["event"] == "caller typed •••\nand ok"
    assert (told["logger"], told["level"]) == ("some.library", "error")
    assert told["timestamp"].endswith("+00:00")


def test_a_librarys_traceback_in_json_is_one_line_without_keys() -> None:
    line = JsonFormatter("%(message)s").format(entry("failed", error=ValueError("no PIN 246810")))
    assert "\n" not in line
    assert "246810" not in line
    assert "ValueError" in json.loads(line)["event"]


def test_text_lines_hold_no_keys_either() -> None:
    assert "246810" not in MaskingFormatter("%(levelname)s %(message)s").format(entry("typed 246810"))
