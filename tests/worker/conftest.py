"""The fixtures of calls, for workers that carry some."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "call"))

from call_fixtures import database, empty_file, flows, house, locker

__all__ = ["database", "empty_file", "flows", "house", "locker"]
