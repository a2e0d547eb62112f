"""The Twilio line: calls over Twilio, whose sound comes and goes as Media Streams (`ivr.lines.stream`).

access      the account, and where the world reaches us
signatures  whether a request or a WebSocket is Twilio's
tickets     what a stream proves by which call it is
twiml       the documents that Twilio is answered with
rest        what Twilio is asked: calls, messages, recordings, the account
faults      what Twilio's errors mean
words       what Twilio tells of a call that we asked for
line        the line: takes streams, and places calls

The `twilio` package (an extra, of 50 MB with what it brings) is imported where there is an account, and nowhere else.
"""
