"""A call generator: many callers by script, each of whom listens, so that a site can be sized before it opens.

`plan` says what is asked for, `caller` is one caller, `ear` what it hears with, `run` starts callers at a pace
in one process or several, `report` is what came of it all.
"""

from ivr.testing.load.caller import CallResult
from ivr.testing.load.plan import LoadPlan
from ivr.testing.load.report import LoadReport
from ivr.testing.load.run import generate, place_calls

__all__ = ["CallResult", "LoadPlan", "LoadReport", "generate", "place_calls"]
