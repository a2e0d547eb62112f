"""Runs the recognisers' parent with listenings that need no model: FOLDER COUNT."""

from __future__ import annotations

import sys
from pathlib import Path

from ears_kit import FakeListening

from ivr.speech.hearing.process import Limits
from ivr.worker.ears import RecogniserParent

RecogniserParent(Path(sys.argv[1]), FakeListening, ("en",), count=int(sys.argv[2]), limits=Limits()).run()
