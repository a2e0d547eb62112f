"""Everything that can go wrong in cross-selling, each with a stable code and what to do about it.

CrossSellError
├── FrameError      FRAME     the table given cannot be read as columns and rows
├── SchemaError     SCHEMA    what is said of a column cannot be, or must not be
├── TargetError     TARGET    the target column is missing or is not a yes or no
├── ModelError      MODEL     a model's file or name cannot be used
├── TrainingError   TRAINING  what is asked for needs a library that is not installed, or cannot be learnt
├── CatalogueError  CATALOGUE what is said of a product's sale cannot be, or must not be
└── DataError       DATA      an evaluation's data folder lacks what is needed
"""

from __future__ import annotations

from typing import ClassVar


class CrossSellError(Exception):
    """Base of all; `code` is stable, the message says what happened, `remedy` what to do."""

    code: ClassVar[str] = "CROSS_SELL"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.remedy = remedy


class FrameError(CrossSellError):
    """The table given cannot be read as columns and rows."""

    code = "FRAME"


class SchemaError(CrossSellError):
    """What is said of a column cannot be, or must not be."""

    code = "SCHEMA"


class TargetError(CrossSellError):
    """The target column is missing, or is not a yes or no."""

    code = "TARGET"


class ModelError(CrossSellError):
    """A model's file or name cannot be used."""

    code = "MODEL"


class TrainingError(CrossSellError):
    """What is asked for needs a library that is not installed, or cannot be learnt from what is given."""

    code = "TRAINING"


class CatalogueError(CrossSellError):
    """What is said of a product's sale cannot be, or must not be.

    `where` is the part that is wrong (`margin`, `talk zh-CN opening`, `reason has_life no`), `kind` a stable word for
    what is wrong with it, `found` what was found there, if that says more.
    """

    code = "CATALOGUE"

    def __init__(
        self, message: str, remedy: str = "", *, where: str = "", kind: str = "", found: str = ""
    ) -> None:
        super().__init__(message, remedy)
        self.where = where
        self.kind = kind
        self.found = found


class DataError(CrossSellError):
    """An evaluation's data folder lacks what is needed."""

    code = "DATA"
