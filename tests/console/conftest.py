"""The fixtures of the console's tests; what they are made of is in `console_kit`."""

from tests.console.console_kit import browse, chromium, console, content, demo_file, one_app, served

__all__ = ["browse", "chromium", "console", "content", "demo_file", "one_app", "served"]
