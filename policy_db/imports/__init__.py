"""Bringing records in from CSV files: first looked through without changing anything, then all in one transaction.

    imports = database.imports
    record = await imports.begin("customers", "clients.csv", path, by="staff:root")
    record = await imports.check(record.id, path)              # what would change, what is wrong, line by line
    lines = await imports.lines(record.id, outcome="wrong")
    record = await imports.apply(record.id, path, by="staff:root")   # once more compared, then written

`reading` takes a file as CSV or refuses it, `values` reads cells, `kind` compares lines with records, `kinds*` are
the records there are, `records` keeps what came of each file. What is wrong is a code; its words are in
`problems.yaml`, in every language.
"""

from __future__ import annotations

from policy_db.imports.kind import EMPTY, Column, Kind
from policy_db.imports.kinds import KINDS
from policy_db.imports.problems import FileRefusedError, problem_text
from policy_db.imports.records import ImportLimits, ImportLine, ImportRecord, Imports

__all__ = [
    "EMPTY",
    "KINDS",
    "Column",
    "FileRefusedError",
    "ImportLimits",
    "ImportLine",
    "ImportRecord",
    "Imports",
    "Kind",
    "problem_text",
]
