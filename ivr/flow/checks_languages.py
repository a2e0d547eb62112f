"""Whether a prompt can be heard in the languages that the hotline offers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ivr.flow.report import Report
from ivr.flow.yaml_source import Path


def check_texts(
    report: Report, path: Path, prompt: str, held: Collection[str], languages: Sequence[str]
) -> None:
    """Tell of the languages that lack a text: no reason to refuse the flow, since another language is heard then.

    Without a text in the first language there is nothing certain to fall back to, and that is refused. The others
    are refused by `hotline prompts check`, before the prompts go out.
    """
    lacking = [language for language in languages if language not in held]
    if lacking:
        tell = report.error if languages[0] in lacking else report.warn
        tell(path, "F602", f"the prompt {prompt!r} has no text in {', '.join(lacking)}; write it")
