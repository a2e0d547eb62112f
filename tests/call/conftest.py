"""The fixtures of calls."""

from call_fixtures import database, empty_file, flows, house, locker

__all__ = ["database", "empty_file", "flows", "house", "locker"]
