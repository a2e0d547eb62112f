"""Papers that nobody should send."""

from __future__ import annotations

import zlib


def busy_pdf() -> bytes:
    """A kilobyte that keeps the parser busy for half a minute: two million entries of a table, all alike."""
    count = 2_000_000
    body = (
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    )
    table = zlib.compress(b"\1" * count, 9)
    head = f"3 0 obj<</Type/XRef/Size {count}/Index[0 {count}]/W[1 0 0]/Root 1 0 R"
    head += f"/Filter/FlateDecode/Length {len(table)}>>stream\n"
    return body + head.encode() + table + f"\nendstream endobj\nstartxref\n{len(body)}\n%%EOF".encode()
