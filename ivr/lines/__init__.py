"""Telephone lines, all behind the `Line` protocol of `ivr.lines.base`."""
