"""Makes what stands beside this file, such as the outside caller, importable by every test; how tests are shared out."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes says more of what runs beside it than of the code; `make bench` has the clocks.
settings.register_profile("beside others", deadline=None)
settings.load_profile("beside others")


def pytest_collection_finish() -> None:
    """What was imported stays for good: looking through it for garbage again and again takes long."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadgroup`: each test to whoever is free, but all that open a browser to one."""
    from xdist.scheduler import LoadScopeScheduling

    class OneBrowser(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if "_browser.py::" in nodeid else nodeid

    return OneBrowser(config, log) if config.getvalue("dist") == "loadgroup" else None
