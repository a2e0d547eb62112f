"""Reaching out: campaigns, the dialler, and what makes it safe to let a machine call people.

rules       how a campaign calls: windows, pace, attempts and gaps by outcome, caps; read from plain data
windows     when a number may be called, by its own clocks, holidays and swapped working days; pure
planning    whether somebody may be called now, or when next; pure
pace        how many calls may be begun now; pure, on a clock that only goes forward
outcomes    how an attempt can end, and what follows
numbers     telephone numbers: valid or not, in which time zones
selection   who is due, from policies and claims, a CSV file or a saved search; and whom to leave out
dialler     the process that plans attempts and has workers place them
placing     the worker's part: dial once, run the flow, end the attempt
carrier     who places a call: the SIP line, or a provider
detection   who answered: a person, a machine, a fax, an announcement
"""
