"""Kernel filters on our own UDP sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ivr.lines.pjsua.sources import MOST_NETWORKS, ipv4, restrict


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("0.0.0.0", 0))
        one.settimeout(0.1)
        yield one


def arrives(receiver: socket.socket, source: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(b"x", ("127.0.0.1", receiver.getsockname()[1]))
    try:
        return receiver.recv(10) == b"x"
    except TimeoutError:
        return False


def test_only_the_named_sources_arrive(receiver: socket.socket) -> None:
    port = receiver.getsockname()[1]
    assert restrict(port, ["127.0.0.2", "127.0.1.0/24"])
    assert [arrives(receiver, f"127.0.{one}") for one in ("0.1", "0.2", "1.77", "2.1")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_later_filter_replaces_the_earlier(receiver: socket.socket) -> None:
    port = receiver.getsockname()[1]
    restrict(port, ["127.0.0.2"])
    restrict(port, ["127.0.0.3"])
    assert not arrives(receiver, "127.0.0.2")
    assert arrives(receiver, "127.0.0.3")


def test_as_many_networks_as_fit_are_filtered(receiver: socket.socket) -> None:
    port = receiver.getsockname()[1]
    assert restrict(port, [f"127.1.{number}.0/24" for number in range(MOST_NETWORKS)])
    assert arrives(receiver, f"127.1.{MOST_NETWORKS - 1}.9")
    assert not arrives(receiver, "127.0.0.1")


def test_nothing_is_filtered_without_sources_or_without_a_socket_of_ours(receiver: socket.socket) -> None:
    assert not restrict(receiver.getsockname()[1], [])
    assert not restrict(1, ["127.0.0.1"])
    assert arrives(receiver, "127.0.0.1")


def test_the_librarys_addresses_are_taken_apart() -> None:
    assert ipv4("127.0.0.1:4000") == ("127.0.0.1", 4000)
    assert ipv4("[::1]:4000") == ("", 0)
    assert ipv4("") == ("", 0)
