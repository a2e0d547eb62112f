"""The words and tables the demonstration is made from, as data files beside this module."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML


def load_yaml(name: str) -> Any:
    """The content of a YAML file of this folder, as plain dicts, lists and values."""
    return YAML(typ="safe", pure=True).load(files(__name__).joinpath(name).read_text("utf-8"))


def load_csv(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file of this folder, by column name."""
    return list(csv.DictReader(files(__name__).joinpath(name).read_text("utf-8").splitlines()))
