"""The queues that the hotline's flows name, seats that nobody has signed in to yet, dispositions, and a meet-me room."""

from __future__ import annotations

from typing import Any

from policy_db.demo.batch import Batch
from policy_db.demo.data import load_yaml
from policy_db.pins import PinHasher
from policy_db.seat_facts import Queue, Seat
from policy_db.seat_rows import values_of
from policy_db.tables import DispositionRow, QueueRow, RoomRow, SeatRow


def add_seats(batch: Batch) -> None:
    """Put queues, seats, dispositions and a room on the pile."""
    content: dict[str, Any] = load_yaml("seats.yaml")
    for queue in content["queues"]:
        licences = tuple(queue.get("licences", ()))
        batch.add_plain(QueueRow, **values_of(Queue(**{**queue, "licences": licences})))
    for seat in content["seats"]:
        lists = {"languages": tuple(seat["languages"]), "licences": tuple(seat["licences"])}
        batch.add_plain(SeatRow, **values_of(Seat(**{**seat, **lists})))
    for position, (code, titles) in enumerate(content["dispositions"].items()):
        batch.add_plain(DispositionRow, code=code, titles=titles, active=True, position=position)
    hasher = PinHasher.cheap()
    for room in content["rooms"]:
        batch.add_plain(
            RoomRow,
            number=room["number"],
            title=room["title"],
            pin_hash=hasher.hash_now(room["pin"]),
            moderator_hash=hasher.hash_now(room["moderator_pin"]),
            capacity=room["capacity"],
            waits=True,
            ends=True,
            active=True,
            locked=False,
            host="",
            present=0,
        )
