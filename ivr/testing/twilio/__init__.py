"""A fake Twilio on loopback, to test a hotline with: it places calls, signs, streams, calls back, and fails on request.

    async with FakeTwilio(public_url="http://127.0.0.1:8080") as twilio:
        settings = twilio.settings          # HOTLINE_… of a hotline that takes it for Twilio
        ...                                 # start the hotline, or an application of your own
        call = await twilio.call("+8613800138000")
        await call.until(lambda: call.seconds_heard > 1)
        await call.press("1")
        await call.hang_up()

It is written from Twilio's documentation, and shares no code with the line that it tests. It needs `aiohttp`, which
comes with the extra `twilio`. It never speaks to Twilio.
"""

from ivr.testing.twilio.calls import FakeCall
from ivr.testing.twilio.fake import FakeTwilio
from ivr.testing.twilio.faults import Faults, RestFault
from ivr.testing.twilio.people import Person
from ivr.testing.twilio.signing import sign
from ivr.testing.twilio.stream import MediaStream

__all__ = ["FakeCall", "FakeTwilio", "Faults", "MediaStream", "Person", "RestFault", "sign"]
