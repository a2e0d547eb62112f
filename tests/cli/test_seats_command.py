"""What a person at the command line is told of seats."""

from __future__ import annotations

import pytest
from cli_kit import Run


@pytest.fixture
def seats(command: Run, wide: None) -> Run:
    """Runs `hotline seats …` on an empty database."""
    assert command("db", "migrate")[0] == 0
    return lambda *words: command("seats", *words)


def test_a_seat_is_made_signed_in_paused_resumed_signed_out_and_removed(seats: Run) -> None:
    assert "There are no seats" in seats("list")[1]
    made = seats("add", "anna", "--address", "sip:anna@192.0.2.7", "--name", "安娜", "--skill", "claims=3")
    assert made[0] == 0
    for words, told in (
        (("sign-in", "anna"), "安娜 (anna) is ready."),
        (("pause", "anna", "--reason", "lunch"), "安娜 (anna) is paused (lunch)."),
        (("resume", "anna"), "安娜 (anna) is ready."),
    ):
        assert seats(*words)[:2] == (0, told + "\n")
    (row,) = [line for line in seats("list")[1].splitlines() if "anna" in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[:6] == ["anna", "安娜", "sip:anna@192.0.2.7", "zh-CN", "claims 3", "ready"]
    assert seats("sign-out", "anna")[1] == "安娜 (anna) is offline.\n"
    assert seats("remove", "anna")[:2] == (0, "anna is removed.\n")
    assert "There are no seats" in seats("list")[1]


@pytest.mark.parametrize(
    ("words", "code", "remedy"),
    [
        (("sign-in", "nobody"), "H601", "hotline seats list"),
        (("remove", "nobody"), "H601", "hotline seats list"),
        (("add", "anna", "--address", "sip:anna@192.0.2.7"), "H602", "choose another name"),
        (("add", "an na", "--address", "100"), "H603", "letters, digits"),
        (("add", "ben", "--address", "his desk"), "H603", "sip:name@host"),
        (("add", "ben", "--address", "100", "--skill", "claims"), "H603", "claims=3"),
        (("remove", "anna"), "H604", "sign it out first"),
        (("pause", "ben"), "H605", "sign-in ben"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_remedy(
    seats: Run, words: tuple[str, ...], code: str, remedy: str
) -> None:
    for name in ("anna", "ben") if words[0] != "add" else ("anna",):
        assert seats("add", name, "--address", "100")[0] == 0
    assert seats("sign-in", "anna")[0] == 0
    status, _, complaint = seats(*words)
    assert status == 1
    assert complaint.startswith(f"{code} ")
    assert remedy in complaint
