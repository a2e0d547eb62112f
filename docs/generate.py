"""Writes the parts of README and docs that come from the code, or checks that they are up to date.

python docs/generate.py           write
python docs/generate.py --check   exit 1 and name what is stale, or a link that leads nowhere
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic_core import PydanticUndefined
from typer.main import get_command

from ivr.cli import commands
from ivr.flow.schema import flow_schema_text
from ivr.settings import Settings

ROOT = Path(__file__).parent.parent
_LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|sip:)([^)#\s]+)")


def settings_table() -> str:
    """Every setting with its default and meaning, as Markdown."""
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if name == "data_dir":
            default = "`~/.local/share/insurance-hotline`"
        elif field.default in (None, "", PydanticUndefined) or "Secret" in str(field.annotation):
            default = "–"
        else:
            default = f"`{field.default}`"
        rows.append(f"| `HOTLINE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def command_table() -> str:
    """Every command with its first line of help, as Markdown."""
    rows = ["| Command | What it does |", "|---|---|"]
    for words, command in _commands(get_command(commands()), "hotline"):
        rows.append(f"| `{words}` | {(command.help or '').splitlines()[0]} |")
    return "\n".join(rows)


def _commands(group: object, words: str) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, command in getattr(group, "commands", {}).items():
        if command.hidden:
            continue
        if getattr(command, "commands", None):
            found += _commands(command, f"{words} {name}")
        else:
            found.append((f"{words} {name}", command))
    return found


#: Which file holds which part, between `<!-- name -->` and `<!-- /name -->`.
PARTS: list[tuple[str, str, Callable[[], str]]] = [
    ("docs/running.md", "settings", settings_table),
    ("docs/running.md", "commands", command_table),
]


def with_part(text: str, name: str, content: str) -> str:
    """The text with what stands between the marks of `name` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"the marks <!-- {name} --> … <!-- /{name} --> are missing")
    return pattern.sub(lambda match: match[1] + content + "\n" + match[2], text)


def wanted() -> dict[Path, str]:
    """What each generated file should hold."""
    files = {ROOT / "docs/flow.schema.json": flow_schema_text()}
    for file, name, content in PARTS:
        path = ROOT / file
        files[path] = with_part(files.get(path, path.read_text(encoding="utf-8")), name, content())
    return files


def dead_links() -> list[str]:
    """Relative links of README and docs that lead to no file."""
    dead = []
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        targets = _LINK.findall(path.read_text(encoding="utf-8"))
        dead += [
            f"{path.relative_to(ROOT)}: the link to {target} leads nowhere"
            for target in targets
            if not (path.parent / target).exists()
        ]
    return dead


def main() -> int:
    """Write, or check with `--check`."""
    stale = [
        path
        for path, text in wanted().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv:
        problems = [f"{path.relative_to(ROOT)} is stale; run make docs" for path in stale] + dead_links()
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return 1 if problems else 0
    for path in stale:
        path.write_text(wanted()[path], encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
