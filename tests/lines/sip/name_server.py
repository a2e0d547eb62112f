"""A small name server on loopback, for tests: real packets, made-up zones."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class FakeNameServer(asyncio.DatagramProtocol):
    """Answers from `zone` (name and type → TTL and records in zone-file form); `deaf` types are not answered."""

    def __init__(self, zone: dict[tuple[str, str], tuple[int, list[str]]]) -> None:
        self.zone = zone
        self.deaf: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    async def __aenter__(self) -> FakeNameServer:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._transport.close()
        await asyncio.sleep(0)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = str(question.name).rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if kind in self.deaf:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        ttl, records = self.zone.get((name, kind), (0, []))
        if records:
            answer.answer.append(dns.rrset.from_text(question.name, ttl, dns.rdataclass.IN, kind, *records))
        elif not any(other == name for other, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), address)
