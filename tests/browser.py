"""The browser of the tests: Chromium without a screen, a third of the cost of starting the whole of it."""

from __future__ import annotations

import shutil

#: `chromium-headless-shell` is the same engine without windows; where it is not packaged the whole browser does as well.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium") or "/usr/bin/chromium"
