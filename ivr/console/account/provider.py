"""A company's identity provider (OpenID Connect Core 1.0): authorization code with PKCE (RFC 7636) and nonce."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import urlencode

import structlog

from ivr.errors import ServiceError, SettingError
from ivr.settings import Settings, listed
from policy_db.users import ROLES

log = structlog.get_logger(__name__)

#: Signatures that are taken; never `none`, nor those made with a shared secret.
_ALGORITHMS: Final = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "Ed25519",
    "EdDSA",
]
#: Seconds for which what the provider says of itself is believed, and after which unknown keys are asked for again.
_KNOWN_FOR, _KEYS_AGAIN = 3600.0, 10.0
_LEEWAY: Final = 60
_TIMEOUT: Final = 10.0


class ProviderError(ServiceError):
    """The identity provider cannot be used, or what it says does not fit."""

    code = "H420"


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way, kept in the browser until it comes back."""

    state: str
    nonce: str
    verifier: str
    wanted: str

    @classmethod
    def new(cls, wanted: str) -> Begun:
        """Fresh secrets."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), wanted)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider names: `subject` for good, the rest as of now; `roles` are ours."""

    subject: str
    name: str
    display: str
    email: str
    roles: tuple[str, ...]


class Provider:
    """The provider that the settings name. Errors are ProviderError, and say nothing secret."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._about: dict[str, Any] = {}
        self._keys: Any = None
        self._about_at = self._keys_at = float("-inf")
        self._turn = asyncio.Lock()

    async def leave_for(self, begun: Begun, back: str) -> str:
        """The provider's address to send the browser to; it comes back to `back`."""
        about = await self._metadata()
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": back,
            "scope": self._settings.oidc_scope,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": _challenge(begun.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in about["authorization_endpoint"] else "?"
        return f"{about['authorization_endpoint']}{joint}{urlencode(query)}"

    async def person(self, begun: Begun, code: str, issuer: str, back: str) -> Person:
        """Who came back with this code. `issuer` is what came with it (RFC 9207), if anything did."""
        about = await self._metadata()
        if issuer and issuer != about["issuer"]:
            raise ProviderError("the answer comes from another identity provider")
        tokens = await self._exchange(about, code, begun.verifier, back)
        claims = await self._checked(about, str(tokens.get("id_token", "")), begun.nonce)
        if _claim(claims, self._settings.oidc_roles_claim) is None:
            claims = await self._more(about, claims, str(tokens.get("access_token", "")))
        return self._person(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
        return Person(
            subject=str(claims["sub"]),
            name=name,
            display=str(claims.get("name") or name),
            email=str(claims.get("email") or ""),
            roles=roles_from(self._settings, claims),
        )

    async def _metadata(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0), asked for once an hour."""
        async with self._turn:
            if time.monotonic() - self._about_at < _KNOWN_FOR:
                return self._about
            issuer = self._settings.oidc_issuer
            about = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if about.get("issuer") != issuer:
                raise ProviderError(
                    f"the identity provider calls itself {about.get('issuer')!r}; write that in HOTLINE_OIDC_ISSUER"
                )
            missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - set(about)
            if missing:
                raise ProviderError(f"the identity provider does not say its {', '.join(sorted(missing))}")
            self._about, self._about_at = about, time.monotonic()
            return about

    async def _exchange(
        self, about: Mapping[str, Any], code: str, verifier: str, back: str
    ) -> dict[str, Any]:
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        secret = settings.oidc_client_secret.get_secret_value()
        methods = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            return await self._ask("POST", about["token_endpoint"], form, (settings.oidc_client_id, secret))
        return await self._ask(
            "POST",
            about["token_endpoint"],
            form | {"client_id": settings.oidc_client_id, "client_secret": secret},
        )

    async def _checked(self, about: Mapping[str, Any], token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token, when signature, issuer, audience, times and nonce are right (Core, 3.1.3.7)."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError

        try:
            try:
                decoded = jwt.decode(token, await self._key_set(about), algorithms=_ALGORITHMS)
            except InvalidKeyIdError:
                decoded = jwt.decode(token, await self._key_set(about, again=True), algorithms=_ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY,
                iss={"essential": True, "value": about["issuer"]},
                aud={"essential": True, "value": self._settings.oidc_client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            log.warning("id token refused", error=type(error).__name__)
            raise ProviderError("what the identity provider sent cannot be trusted") from error
        claims: dict[str, Any] = decoded.claims
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._settings.oidc_client_id:
            raise ProviderError("what the identity provider sent is meant for another program")
        return claims

    async def _key_set(self, about: Mapping[str, Any], *, again: bool = False) -> Any:
        from joserfc.jwk import KeySet

        age = time.monotonic() - self._keys_at
        if self._keys is None or age > _KNOWN_FOR or (again and age > _KEYS_AGAIN):
            self._keys = KeySet.import_key_set(await self._get(about["jwks_uri"]))  # type: ignore[arg-type]
            self._keys_at = time.monotonic()
        return self._keys

    async def _more(self, about: Mapping[str, Any], claims: Mapping[str, Any], access: str) -> dict[str, Any]:
        """The claims with those of the userinfo endpoint, which must be about the same person (Core, 5.3.2)."""
        if not access or "userinfo_endpoint" not in about:
            return dict(claims)
        told = await self._get(about["userinfo_endpoint"], {"authorization": f"Bearer {access}"})
        if told.get("sub") != claims["sub"]:
            raise ProviderError("the identity provider speaks of somebody else")
        return told | dict(claims)

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        return await self._ask("GET", url, headers=headers)

    async def _ask(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        import httpx

        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, verify=_trusted()) as client:
                reply = await client.request(
                    method,
                    url,
                    data=form,
                    auth=httpx.BasicAuth(*basic) if basic else None,
                    headers={"accept": "application/json", **(headers or {})},
                )
            reply.raise_for_status()
            told = reply.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("identity provider failed", error=type(error).__name__)
            raise ProviderError("the identity provider cannot be reached, or has refused") from error
        if not isinstance(told, dict):
            raise ProviderError("the identity provider's answer is not understood")
        return told


def make_provider(settings: Settings) -> Provider:
    """The provider; raises SettingError where what it needs is not installed."""
    try:
        import httpx
        import joserfc
    except ModuleNotFoundError as error:
        raise SettingError(
            f"HOTLINE_OIDC_ISSUER needs {error.name}; run: pip install insurance-hotline[oidc]", code="H107"
        ) from None
    del httpx, joserfc
    return Provider(settings)


def roles_from(settings: Settings, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The roles that the claims give, in the order of ours."""
    told = _claim(claims, settings.oidc_roles_claim)
    values = set(told.split() if isinstance(told, str) else told if isinstance(told, list) else ())
    named = dict(pair.split("=", 1) for pair in listed(settings.oidc_roles) if "=" in pair)
    given = {named.get(value) for value in values} if named else values
    return tuple(role for role in ROLES if role in given)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by a path into objects such as `realm_access.roles`."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@cache
def _trusted() -> SSLContext:
    """Whom to believe that they are who they say; reading the certificates of all authorities takes a while."""
    import httpx

    return httpx.create_ssl_context()
