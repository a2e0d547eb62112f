"""The page behind a link: what a policyholder sees on a telephone's screen, without a sign-in.

A link's address cannot be guessed, its time ends, and it opens with a code that was told another way (or, where none
was, with the holder's birthday or ID digits). Then this browser alone sees it, for half an hour.
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area
from ivr.console.link import pages

AREA = Area("link", Path(__file__).parent, pages=pages.router)
