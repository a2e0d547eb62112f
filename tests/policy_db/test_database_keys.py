"""The key: made once, kept from others, bound to its database, and never printed."""

from __future__ import annotations

import base64
import multiprocessing
import pickle
import stat
from pathlib import Path

import pytest
from policy_kit import KEYS, HandClock, Places, open_database

from policy_db import Keys
from policy_db.errors import WrongKeyError

ID = "11010519860801123X"


def _fingerprint(path: Path) -> str:
    return Keys.from_file(path).fingerprint


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "database.key"
    first = Keys.from_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keys.from_file(path).fingerprint == first.fingerprint
    assert [entry.name for entry in path.parent.iterdir()] == ["database.key"]


def test_processes_that_start_at_once_end_with_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(_fingerprint, [tmp_path / "database.key"] * 9))) == 1


def test_a_key_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "database.key"
    Keys.from_file(path)
    path.chmod(0o640)
    with pytest.raises(WrongKeyError, match=f"chmod 600 {path}"):
        Keys.from_file(path)


def test_a_missing_key_file_is_not_replaced_when_it_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WrongKeyError, match="backup"):
        Keys.from_file(tmp_path / "database.key", create=False)
    assert not (tmp_path / "database.key").exists()


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_what_is_not_a_key_is_refused(text: str) -> None:
    with pytest.raises(WrongKeyError):
        Keys.from_text(text)


def test_the_same_text_encrypts_differently_each_time_and_opens_again() -> None:
    first, second = KEYS.encrypt(ID, "C1"), KEYS.encrypt(ID, "C1")
    assert first != second
    assert KEYS.decrypt(first, "C1") == KEYS.decrypt(second, "C1") == ID
    assert ID.encode() not in first


def test_a_cipher_text_moved_to_another_customer_or_changed_does_not_open() -> None:
    cipher = KEYS.encrypt(ID, "C1")
    changed = cipher[:-1] + bytes([cipher[-1] ^ 1])
    for bytes_, about in ((cipher, "C2"), (changed, "C1"), (b"\x02" + cipher[1:], "C1")):
        with pytest.raises(WrongKeyError):
            KEYS.decrypt(bytes_, about)
    with pytest.raises(WrongKeyError):
        Keys.generate().decrypt(cipher, "C1")


def test_hashes_depend_on_key_and_person_and_read_a_star_as_x() -> None:
    assert KEYS.id_hash(ID) == KEYS.id_hash("11010519860801123x ")
    assert KEYS.id_hash(ID) != Keys.generate().id_hash(ID)
    assert KEYS.id_tail_hash("C1", ID) == KEYS.id_tail_hash("C1", "01123*")
    assert KEYS.id_tail_hash("C1", ID) != KEYS.id_tail_hash("C2", ID)


def test_keys_can_be_neither_printed_nor_pickled() -> None:
    assert repr(KEYS) == f"Keys({KEYS.fingerprint})"
    with pytest.raises(TypeError):
        pickle.dumps(KEYS)


async def test_a_database_opens_only_with_the_key_it_was_made_with(places: Places) -> None:
    url = places.empty()
    with pytest.raises(WrongKeyError, match=KEYS.fingerprint):
        await open_database(url, HandClock(), keys=Keys.generate())
    async with await open_database(url, HandClock()) as database:
        await database.ping()
