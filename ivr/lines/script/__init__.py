"""The script line: simulated calls, in virtual time for tests, in real time for a caller in the terminal."""

from ivr.lines.script.actions import (
    Action,
    HangUp,
    Hold,
    Keys,
    Say,
    Speak,
    Wait,
    WaitFor,
    WaitSilence,
)
from ivr.lines.script.caller import Caller, Entry, ScriptedCaller
from ivr.lines.script.leg import Phone, ScriptLeg
from ivr.lines.script.line import ScriptLine

__all__ = [
    "Action",
    "Caller",
    "Entry",
    "HangUp",
    "Hold",
    "Keys",
    "Phone",
    "Say",
    "ScriptLeg",
    "ScriptLine",
    "ScriptedCaller",
    "Speak",
    "Wait",
    "WaitFor",
    "WaitSilence",
]
