"""A SIP user agent core without I/O: messages, transactions, dialogs, sessions, registration.

Nothing here opens a socket, looks up a name or reads a clock of its own. Packets come in by
`UserAgent.received`, go out by `Network.send`, names are looked up by `Network.locate`, and every timer runs
on the `Clock` that was given, so that all of RFC 3261's timers can be lived through in a test in no time.
"""
