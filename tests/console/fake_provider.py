"""A fake identity provider: small, on a real port, with real keys and signatures (OpenID Connect Core 1.0)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from fastapi import FastAPI, Form, Header, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "hotline", "the client's secret"


@cache
def _first_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})


class FakeProvider:
    """Lets whoever `claims` names sign in. `bend` may change the claims of an ID token before it is signed."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = _first_key()
        self.claims: dict[str, Any] = {"sub": "u-1", "preferred_username": "Lin", "roles": ["seat"]}
        self.userinfo: dict[str, Any] = {}
        self.bend: Any = lambda claims: claims
        self.sign_with: Any = None
        self._begun: dict[str, dict[str, str]] = {}
        self.app = FastAPI()
        self.app.get("/.well-known/openid-configuration")(self._about)
        self.app.get("/authorize")(self._authorize)
        self.app.post("/token")(self._token)
        self.app.get("/keys")(self._keys)
        self.app.get("/userinfo")(self._userinfo)

    def turn_key(self) -> None:
        """A new key in place of the old."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})

    async def _about(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
        }

    async def _authorize(self, request: Request) -> RedirectResponse:
        """Everybody is let in at once."""
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._begun[code] = asked
        query = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 303)

    async def _token(
        self,
        code: str = Form(),
        redirect_uri: str = Form(),
        code_verifier: str = Form(),
        authorization: str = Header(""),
    ) -> JSONResponse:
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self._begun.pop(code, None)
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
        )
        if (
            authorization != f"Basic {basic}"
            or asked is None
            or asked["redirect_uri"] != redirect_uri
            or asked["code_challenge"] != challenge
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = self.bend(claims | self.claims)
        key = self.sign_with or self.key
        token = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, key)
        return JSONResponse({"access_token": "access", "token_type": "Bearer", "id_token": token})

    async def _keys(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))

    async def _userinfo(self, authorization: str = Header("")) -> dict[str, Any]:
        assert authorization == "Bearer access"
        return self.userinfo


@asynccontextmanager
async def fake_provider() -> AsyncIterator[FakeProvider]:
    """A provider on a port of its own, for the length of the block."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    provider = FakeProvider(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(
        uvicorn.Config(provider.app, log_level="warning", access_log=False, lifespan="off")
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield provider
    finally:
        server.should_exit = True
        await task
        listener.close()


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
