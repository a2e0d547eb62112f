"""The documents that Twilio is answered with (https://www.twilio.com/docs/voice/twiml)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from ivr.lines.twilio.access import TwilioAccess


def connect(access: TwilioAccess, parameters: Mapping[str, str], *, action: str = "") -> str:
    """Answer, and stream both ways; `parameters` come with the stream's start.

    When the stream ends Twilio asks `action` what follows; without one the call is over.
    """
    from twilio.twiml.voice_response import Connect, Stream, VoiceResponse

    stream = Stream(url=access.stream_url)
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    # The stream's own address is Twilio's to sign: the parameters are not part of it.
    way = Connect(action=action) if action else Connect()
    way.append(stream)
    response = VoiceResponse()
    response.append(way)
    return str(response)


def dial(number: str, *, caller: str, action: str, seconds: int = 30) -> str:
    """Go on with somebody else instead of us; `action` is asked what follows."""
    from twilio.twiml.voice_response import VoiceResponse

    response = VoiceResponse()
    response.dial(number, caller_id=caller, action=action, timeout=seconds)
    return str(response)


def hang_up() -> str:
    """The end."""
    from twilio.twiml.voice_response import VoiceResponse

    response = VoiceResponse()
    response.hangup()
    return str(response)


def busy() -> str:
    """Refuse without answering."""
    from twilio.twiml.voice_response import VoiceResponse

    response = VoiceResponse()
    response.reject(reason="busy")
    return str(response)


def take_message(*, then: str, tell: str = "") -> str:
    """Say that we are not there, and record a message; then comes `then`, by GET, so that it may be a plain file.

    `tell` hears of the recording, where somebody can.
    """
    text = files("ivr.lines.twilio").joinpath("take_message.xml").read_text(encoding="utf-8")
    callback = f' recordingStatusCallback="{_quoted(tell)}"' if tell else ""
    return text.replace("{then}", _quoted(then)).replace("{tell}", callback)


def thanks() -> str:
    """What follows a message."""
    return files("ivr.lines.twilio").joinpath("thanks.xml").read_text(encoding="utf-8")


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
