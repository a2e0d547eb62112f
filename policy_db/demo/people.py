"""Made-up people: names, addresses, ID numbers with right check digits, telephone numbers of no carrier."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from policy_db.demo.data import load_yaml
from policy_db.facts import Sex

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
#: +86 160 is given to no carrier, so no campaign run on a demonstration can ring anybody.
_PHONE_PREFIX = "+86160"


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person with a whole ID number (18 characters, GB 11643)."""

    name: str
    sex: Sex
    born_on: date
    id_number: str = field(repr=False)
    pin: str = field(repr=False)
    phone: str
    email: str
    address: str
    province: str
    city: str
    postcode: str
    occupation: str
    language: str


def check_digit(first17: str) -> str:
    """The eighteenth character of an ID number (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True))
    return "10X98765432"[total % 11]


@lru_cache(maxsize=1)
def vocabulary() -> dict[str, Any]:
    """The names, streets and places of `people.yaml`, the surnames split into characters."""
    words: dict[str, Any] = load_yaml("people.yaml")
    words["surnames"] = "".join(words["surnames"].split())
    return words


def random_person(rng: random.Random, index: int, today: date) -> Person:
    """The `index`-th customer; the index makes the telephone number and e-mail address theirs alone."""
    words = vocabulary()
    sex: Sex = rng.choice(("m", "f"))
    place = rng.choice(words["places"])
    born_on = today - timedelta(days=int(rng.triangular(19, 80, 40) * 365.25))
    sequence = rng.randrange(0, 999, 2) + (1 if sex == "m" else 0)
    first17 = f"{place['region']}{born_on:%Y%m%d}{sequence:03d}"
    return Person(
        name=random_name(rng, sex),
        sex=sex,
        born_on=born_on,
        id_number=first17 + check_digit(first17),
        pin=f"{rng.randrange(10**6):06d}",
        phone=f"{_PHONE_PREFIX}{10_000_000 + index * 7919 % 90_000_000:08d}",
        email=f"customer{index}@example.com",
        address=random_address(rng, place),
        province=place["province"],
        city=place["city"],
        postcode=place["postcode"],
        occupation=rng.choice(words["occupations"]),
        language="zh-CN" if rng.random() < 0.97 else "en",
    )


def random_name(rng: random.Random, sex: Sex) -> str:
    """A surname as common as it is in life, and a given name."""
    words = vocabulary()
    return str(rng.choice(words["surnames"]) + rng.choice(words["given"][sex]))


def random_address(rng: random.Random, place: dict[str, str]) -> str:
    """A street and flat in a place."""
    words = vocabulary()
    city = "" if place["city"] == place["province"] else place["city"]
    street, estate = rng.choice(words["streets"]), rng.choice(words["estates"])
    house, block, flat = rng.randint(1, 300), rng.randint(1, 20), rng.randint(1, 30) * 100 + rng.randint(1, 4)
    return f"{place['province']}{city}{place['district']}{street}{house}号{estate}{block}栋{flat}室"
