"""The server's settings: from a TOML file, from the environment (HEADWAY_SERVER_*), and by keyword.

Keywords win over the environment, the environment over the file, the file over the defaults below. A key that nobody reads
is an error, because a misspelt `k_flor` would otherwise be a privacy floor that is not set.

>>> settings = ServerSettings(http_port=8080)
>>> settings.http_port, settings.k_floor, settings.embedded_broker
(8080, 10, False)
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from headway_protocol.benchmark import FLOOR_MIN
from headway_server.errors import ServerError

ENVIRONMENT_PREFIX = "HEADWAY_SERVER_"


class ServerSettings(BaseSettings):
    """Everything that can be set; each field's description is its documentation.

    Raises pydantic.ValidationError for an unknown key or a value out of range; `read_settings` turns that into a
    ServerError.
    """

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, extra="forbid", frozen=True)

    database_url: str = Field(
        "sqlite+aiosqlite:///headway.db",
        description="Where records are stored: sqlite+aiosqlite:///<path> or postgresql+asyncpg://<user>@<host>/<name>.",
    )
    broker_host: str = Field(
        "127.0.0.1", description="Host of the MQTT broker; with embedded_broker, what it binds to."
    )
    broker_port: int = Field(1883, ge=0, le=65535, description="Port of the MQTT broker; 0 only for an embedded one.")
    broker_username: str | None = Field(None, description="User at the broker; none: anonymous.")
    broker_password: SecretStr | None = Field(None, description="Password at the broker.")
    broker_protocol: Literal["auto", "5", "3.1.1"] = Field(
        "auto", description="MQTT version: 5 tells reasons and bounds what is under way; auto asks for it first."
    )
    broker_tls: bool = Field(
        False, description="Speak TLS, usually on port 8883: the broker's certificate and host name are verified."
    )
    broker_ca: Path | None = Field(
        None,
        description="PEM file of the authorities that may vouch for the broker, two while one replaces the other; none: "
        "those of the machine.",
    )
    broker_cert: Path | None = Field(
        None, description="PEM file of the server's own certificate, if the broker asks for one."
    )
    broker_key: Path | None = Field(
        None, description="PEM file of its private key, without a pass phrase; none: it is in broker_cert."
    )
    broker_client_id: str = Field(
        "headway-server",
        min_length=1,
        max_length=65,
        description="MQTT client id: the broker keeps what comes in while the server is away under this name. "
        "Two servers at one broker need two.",
    )
    embedded_broker: bool = Field(
        False,
        description="Run a broker inside, to try things out. It lets everybody in and keeps nothing over a restart.",
    )
    http_host: str = Field("127.0.0.1", description="Address the page and the API are served on.")
    http_port: int = Field(8000, ge=0, le=65535, description="Port of the page and the API; 0 takes a free one.")
    k_floor: int = Field(
        10,
        ge=FLOOR_MIN,
        description="Persons a cohort needs before anything about it is published, and by how many its benchmarks differ.",
    )
    epoch_days: float = Field(
        7, ge=0, le=366, description="Length of an epoch in days; 0: epochs are closed only on request."
    )
    signing_key: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Files of the keys that offers are signed with, as `headway key new` makes them: the first one signs, the "
        "others are kept while devices change over; none: <database>.signing-key beside an SQLite database, made at the first "
        "start.",
    )
    band_groups: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Groups whose devices are microcontrollers: what they are to obey is signed with a key of each one's own "
        "(`headway key show --band`).",
    )
    offer_days: float = Field(
        90, ge=1, le=3660, description="How long an offered pack may be taken, days; it is signed anew at half of that."
    )
    erasure_journal: Path | None = Field(
        None,
        description="File that remembers erasures when an older backup is restored; its key is beside it, as <file>.key. Keep "
        "copies of both apart from the backups. None: <database>.erasures beside an SQLite database; with PostgreSQL nobody "
        "can be erased then.",
    )
    erase_days: float = Field(
        30,
        ge=1,
        le=366,
        description="Days in which an erasure is to be complete: devices wiped, and backups and logs of before deleted.",
    )
    operator_token: SecretStr | None = Field(
        None, min_length=8, description="Bearer token of requests that change something; none: they are refused."
    )
    batch_max: int = Field(500, ge=1, le=5000, description="Messages of one transaction, at most.")
    batch_wait_ms: int = Field(
        50, ge=0, le=5000, description="How long a message may wait for others to share a transaction."
    )
    queue_max: int = Field(
        5000, ge=1, le=1_000_000, description="Messages in memory; when it is full nothing more is read."
    )
    in_flight_max: int = Field(
        1000, ge=1, le=65_535, description="Messages that the broker may have under way to the server (MQTT 5)."
    )
    device_messages_per_minute: int = Field(
        600, ge=1, le=1_000_000, description="Messages of one device that are taken in a minute; more are held back."
    )
    device_messages_burst: int = Field(
        1000, ge=1, le=1_000_000, description="Messages of one device that are taken at once, after a quiet time."
    )
    stop_timeout_s: float = Field(
        20, ge=1, le=600, description="How long a stop may take; what is not committed by then stays at the broker."
    )

    @field_validator("signing_key", "band_groups", mode="before")
    @classmethod
    def _are_listed(cls, value: object) -> object:
        # In the environment a list is written with commas; one file needs no list.
        return tuple(part for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_secured_as_told(self) -> Self:
        for name in ("broker_ca", "broker_cert", "broker_key"):
            if getattr(self, name) is not None and not self.broker_tls:
                raise ValueError(f"{name} is of no use without TLS: set broker_tls = true, or take it out")
        if self.broker_key is not None and self.broker_cert is None:
            raise ValueError("broker_key needs the certificate it belongs to: set broker_cert")
        if self.embedded_broker and self.broker_tls:
            raise ValueError("the embedded broker speaks no TLS: take out broker_tls, or run a broker of its own")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env: one file is enough
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order in which sources win."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(path: Path | None = None, **overrides: Any) -> ServerSettings:
    """Return the settings of the TOML file at `path` (None: no file), the environment and `overrides`.

    Raises ServerError that names the file or the keys at fault; values are not repeated, some are secrets.
    """
    if path is not None:
        try:
            tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ServerError(f"there is no settings file {path}", "check the path") from None
        except (OSError, UnicodeDecodeError) as e:
            raise ServerError(f"cannot read {path}: {e}", "check the path and its permissions") from e
        except tomllib.TOMLDecodeError as e:
            raise ServerError(f"{path} is not TOML: {e}", "correct that line") from e
    _check_environment()

    class FileSettings(ServerSettings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        found = FileSettings(**overrides)
    except ValidationError as e:
        problems = "; ".join(map(_problem, e.errors()))
        raise ServerError(
            f"settings are not valid: {problems}", "known keys are " + ", ".join(sorted(ServerSettings.model_fields))
        ) from None
    return ServerSettings.model_construct(**{name: getattr(found, name) for name in ServerSettings.model_fields})


def _problem(error: Any) -> str:
    reason = "unknown key" if error["type"] == "extra_forbidden" else str(error["msg"]).removeprefix("Value error, ")
    return ": ".join([*map(str, error["loc"]), reason])


def _check_environment() -> None:
    known = {ENVIRONMENT_PREFIX + name.upper() for name in ServerSettings.model_fields}
    unknown = sorted(n for n in os.environ if n.upper().startswith(ENVIRONMENT_PREFIX) and n.upper() not in known)
    if unknown:
        raise ServerError(
            f"environment variable {', '.join(unknown)} is not a setting",
            "known ones are " + ", ".join(sorted(known)),
        )
