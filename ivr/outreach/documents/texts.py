"""Texts of documents, messages and the policyholder's pages, one file a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ivr.flow.yaml_source import parse_source

FOLDER: Final = Path(__file__).parent / "texts"
#: What a language lacks is said in these; the first has everything.
FALLBACKS: Final[Mapping[str, tuple[str, ...]]] = {"zh-HK": ("zh-CN",), "es": ("en", "zh-CN")}
_FIRST: Final = "zh-CN"


@lru_cache(maxsize=1)
def all_texts() -> Mapping[str, Mapping[str, Any]]:
    """Every language's texts by key."""
    return {
        path.stem: dict(parse_source(path.name, path.read_bytes()).data)
        for path in sorted(FOLDER.glob("*.yaml"))
    }


def order(language: str) -> tuple[str, ...]:
    """The languages in which something is looked for."""
    known = all_texts()
    wanted = (language, *FALLBACKS.get(language, ("en",) if language not in known else ()), _FIRST)
    return tuple(dict.fromkeys(one for one in wanted if one in known))


def text(language: str, key: str, /, **values: object) -> str:
    """A text, filled in. Raises KeyError for a key that no language has: a mistake of ours."""
    found = str(_found(language, key))
    return found.format(**values) if values else found


def has(key: str) -> bool:
    """Whether there is such a text."""
    return key in all_texts()[_FIRST]


def items(language: str, key: str) -> Sequence[str]:
    """A text that is a list."""
    return [str(one) for one in _found(language, key)]


def _found(language: str, key: str) -> Any:
    texts = all_texts()
    for one in order(language):
        if key in texts[one]:
            return texts[one][key]
    raise KeyError(key)
