"""What a person at the command line is told of users, and of what is deleted."""

from __future__ import annotations

import re

import pytest
from cli_kit import Run


@pytest.fixture
def hotline(command: Run, wide: None) -> Run:
    """Runs `hotline …` on an empty database."""
    assert command("db", "migrate")[0] == 0
    return command


def test_users_are_added_listed_given_passwords_disabled_and_enabled(hotline: Run) -> None:
    assert "hotline users add" in hotline("users", "list")[1]
    status, told, _ = hotline("users", "add", "mei", "--role", "manager", "--role", "administrator")
    assert status == 0
    assert re.search(r"Password: \w{5}-\w{5}-\w{5}-\w{5}\n", told)
    hotline("users", "add", "root", "--role", "administrator")
    assert "must change password" in hotline("users", "list")[1]
    assert "Password: " in hotline("users", "password", "mei", "--make-password")[1]
    assert hotline("users", "disable", "mei")[0] == 0
    assert "disabled" in hotline("users", "list")[1]
    assert hotline("users", "enable", "mei")[0] == 0
    for words, complaint in (
        (("password", "nobody"), "H108 "),
        (("add", "mei"), "BAD_VALUE There is a user mei already."),
        (("add", "x", "--role", "king"), "BAD_VALUE There is no role king"),
        (("add", "x", "--seat", "nowhere"), "BAD_VALUE There is no seat nowhere"),
    ):
        status, _, told = hotline("users", *words)
        assert status == 1
        assert told.startswith(complaint)


def test_what_is_due_is_counted_and_deleted_by_hand(hotline: Run) -> None:
    assert "sales_long" in hotline("retention", "list")[1]
    assert "What is due" in hotline("retention", "run", "--dry-run")[1]
    status, told, _ = hotline("retention", "run")
    assert status == 0
    assert "What was deleted" in told
