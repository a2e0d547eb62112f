"""Addresses, checked before any socket sees them."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Final

_BROADCAST: Final = IPv4Address("255.255.255.255")
_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")


@lru_cache(maxsize=4_096)
def family(host: str) -> socket.AddressFamily | None:
    """The family of a numeric address that one can send to, or None: a name, a group, everybody or nobody.

    A link-local IPv6 address is none either: without its interface it leads nowhere.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if address.is_multicast or address.is_unspecified or address == _BROADCAST:
        return None
    if isinstance(address, IPv4Address):
        return None if address in _THIS_NETWORK else socket.AF_INET
    if address.is_link_local or address.ipv4_mapped is not None or address.scope_id is not None:
        return None
    return socket.AF_INET6


def usable(host: str, port: int) -> bool:
    """Whether a packet can be sent there."""
    return 0 < port < 65_536 and family(host) is not None
