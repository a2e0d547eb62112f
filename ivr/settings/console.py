"""The console: its address, who signs in and how, and for how long things are kept."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from ivr.settings.group import Group


class ConsoleSettings(Group):
    """The console: its address, who signs in and how, and for how long things are kept."""

    http_address: str = Field("127.0.0.1", description="Address of the HTTP process.")
    http_port: int = Field(
        8080, ge=0, le=65535, description="Port of the console, and of health, readiness and metrics."
    )
    trusted_proxies: str = Field(
        "",
        description=(
            "Addresses of proxies before the console whose word on the caller's address and https is taken, by comma."
        ),
    )

    session_idle_minutes: float = Field(
        30.0, gt=0, le=1440, description="Minutes without any request after which a console session ends."
    )
    session_hours: float = Field(
        12.0, gt=0, le=168, description="Hours after which a sign-in to the console ends in any case."
    )
    oidc_issuer: str = Field(
        "",
        description="Identity provider (OpenID Connect) of the console, such as https://id.example.com; empty: none.",
    )
    oidc_client_id: str = Field("", description="Our client id there.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Our client secret there.")
    oidc_title: str = Field("OpenID Connect", description="What the button of that sign-in is called.")
    oidc_scope: str = Field("openid profile email", description="Scopes that are asked for.")
    oidc_roles_claim: str = Field(
        "roles", description="Claim of the ID token that says what a person may do; dots lead into objects."
    )
    oidc_roles: str = Field(
        "",
        description=(
            "Which value of that claim is which role, such as hotline-seats=seat,hotline-admins=administrator;"
            " empty takes the values as they are."
        ),
    )

    retention_hour: int = Field(
        3, ge=0, le=23, description="Hour of the company's day from which what is due is deleted, once a day."
    )
    sale_queues: str = Field(
        "sales,life_specialists,health_specialists,property_specialists",
        description="Queues whose talks count as sales, for how long their recordings are kept; by comma.",
    )
    sale_dispositions: str = Field(
        "interested,not_interested",
        description="What a seat notes of a talk that counts as a sale, likewise; by comma.",
    )

    @model_validator(mode="after")
    def _knows_its_identity_provider(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError(
                "HOTLINE_OIDC_ISSUER needs HOTLINE_OIDC_CLIENT_ID and HOTLINE_OIDC_CLIENT_SECRET"
            )
        return self
