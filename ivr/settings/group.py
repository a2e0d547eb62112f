"""What the groups of settings are made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """The settings of one concern. They are read together with all others, so nothing is built for them alone."""

    model_config = ConfigDict(defer_build=True)


def listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated text."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
