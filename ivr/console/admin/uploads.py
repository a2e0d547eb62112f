"""Uploads: refused by their size before they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fastapi import HTTPException, Request

#: What a form has besides its file.
_ROOM = 20_000


def limited(most: int | Callable[[Request], int]) -> Callable[[Request], AsyncIterator[None]]:
    """A dependency for a route with a file: HTTPException 413 for a body that is larger, 411 for one of no known size.

    It must stand among the route's `dependencies`, which are asked before the body is read.
    """

    async def dependency(request: Request) -> AsyncIterator[None]:
        limit = most if isinstance(most, int) else most(request)
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise HTTPException(411, "Content-Length")
        if int(length) > limit + _ROOM:
            raise HTTPException(413, f"{int(length) / 1e6:.1f} MB > {limit / 1e6:.0f} MB")
        try:
            yield
        finally:
            await request.close()  # the files of the form

    return dependency
