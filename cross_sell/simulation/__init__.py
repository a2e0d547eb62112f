"""A made-up year of calls whose true uplift is known, to judge the proof by.

world       how callers respond: known chances of a yes, of a sale, and of buying unasked
population  customers and policies in a database, premiums paid as they fall due
calling     the calls of a day: who, when, what about, and which seats are free
year        a year in virtual time through the same adviser that serves calls, into the same tables
truth       what the estimates should be, from the known chances, and whether the intervals hold it
tables      everything as CSV
"""
