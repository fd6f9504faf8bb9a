"""The agent's settings: from a TOML file, from the environment (HEADWAY_AGENT_*), and by keyword.

Keywords win over the environment, the environment over the file, the file over the defaults below. A key that nobody
reads is an error: a misspelt one would otherwise be a setting that silently is not set.
"""

import tomllib
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from headway_edge.errors import AgentError
from headway_edge.mqtt.broker import Broker, Protocol, Tls
from headway_edge.orders.server_keys import ServerKeys
from headway_edge.store.retention import BUDGET_BYTES
from headway_protocol import topics


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)  # UTC is there without the machine's tables


class AgentSettings(BaseSettings):
    """Settings of one device; `docs/configuration.md` explains each, with an example file."""

    model_config = SettingsConfigDict(env_prefix="HEADWAY_AGENT_", extra="forbid")

    group: str = Field("demo", description="Fleet, school or brand the device belongs to: [a-z0-9-], at most 32.")
    device: str = Field("unit-1", description="The device's own name within its group: [a-z0-9-], at most 32.")
    vehicle_class: str = Field(
        "car",
        max_length=64,
        description="Whose thresholds apply, and who is compared: car, taxi, bus, truck or another class of the pack.",
    )
    pack: str = Field(
        "private-driving",
        description="What is computed: a pack that comes with the agent, or the path of a compiled one. One that the "
        "server offered wins.",
    )
    pack_keys: Annotated[list[str], NoDecode] = Field(
        [],
        description="Public keys of the server, as `headway key show` prints them: what one of them signed is taken, a pack for "
        "example; two while one replaces the other. Without any, nothing that the server offers or asks for is done.",
    )
    timezone: str = Field("UTC", description="Where the person's days begin: a name such as Asia/Seoul.")
    factors: dict[str, str] = Field(
        {},
        description='The person\'s class by customer factor, such as { experience = "settled" }: packs that know the factor '
        "move their forecasts by it. Nothing else reads it, and it is not sent.",
    )
    store: Path = Field(Path("/var/lib/headway/outbox.db"), description="The file that keeps what the server lacks.")
    store_bytes_max: int = Field(
        BUDGET_BYTES,
        ge=2**20,
        description="Size of that file, bytes. When it is reached, the oldest records that the server has go first; then old "
        "trips become totals of their days and months; then the oldest go and are declared lost. Its journal takes up to "
        "4 MB more, and a repair as much again.",
    )
    period_ms: int = Field(1000, ge=40, le=1000, description="Sampling period of the source, 40 to 1000 ms.")
    broker_host: str = Field("127.0.0.1", description="Host of the MQTT broker.")
    broker_port: int = Field(1883, ge=1, le=65535, description="Port of the MQTT broker.")
    broker_username: str | None = Field(None, description="User at the broker; none: anonymous.")
    broker_password: SecretStr | None = Field(None, description="Password at the broker.")
    broker_protocol: Protocol = Field(
        "auto", description="MQTT version: 5, 3.1.1, or auto for 5 with 3.1.1 for brokers that know no other."
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
        None, description="PEM file of the device's own certificate, if the broker asks for one."
    )
    broker_key: Path | None = Field(
        None, description="PEM file of its private key, without a pass phrase; none: it is in broker_cert."
    )
    keepalive_s: int = Field(
        60,
        ge=5,
        le=3600,
        description="MQTT keep-alive, seconds. After 1.5 times that without a byte from the broker, the connection is made anew.",
    )
    back_off_max_s: float = Field(
        300.0,
        ge=1,
        description="Longest pause between two attempts to connect, seconds; a broker that does not let the device in is asked "
        "every quarter of an hour, or on SIGHUP.",
    )

    @field_validator("pack_keys", mode="before")
    @classmethod
    def _are_listed(cls, value: object) -> object:
        # In the environment a list is written with commas.
        return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("pack_keys")
    @classmethod
    def _are_keys(cls, value: list[str]) -> list[str]:
        ServerKeys("", value)
        return value

    @field_validator("group", "device")
    @classmethod
    def _is_id(cls, value: str) -> str:
        if not topics.valid_id(value):
            raise ValueError("use 1 to 32 of the characters a-z, 0-9 and -")
        return value

    @model_validator(mode="after")
    def _is_secured_as_told(self) -> Self:
        for name in ("broker_ca", "broker_cert", "broker_key"):
            if getattr(self, name) is not None and not self.broker_tls:
                raise ValueError(f"{name} is of no use without TLS: set broker_tls = true, or take it out")
        if self.broker_key is not None and self.broker_cert is None:
            raise ValueError("broker_key needs the certificate it belongs to: set broker_cert")
        return self

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, value: str) -> str:
        try:
            _zone(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError(
                "no such time zone on this machine; use a name such as Europe/Vienna, or UTC, or install tzdata"
            ) from None
        return value

    def utc_offset_min(self, wall_ms: int) -> int:
        """How many minutes local time is ahead of UTC at a Unix time in milliseconds."""
        try:
            offset = datetime.fromtimestamp(wall_ms / 1000, _zone(self.timezone)).utcoffset()
        except (OverflowError, ValueError, OSError):  # a clock that no calendar has
            return 0
        return 0 if offset is None else int(offset.total_seconds()) // 60

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

    def server_keys(self) -> ServerKeys:
        """The keys of the server, for this device's address."""
        return ServerKeys(f"{self.group}/{self.device}", self.pack_keys)

    def broker(self) -> Broker:
        """Where to connect to."""
        return Broker(
            self.broker_host,
            self.broker_port,
            self.broker_username,
            None if self.broker_password is None else self.broker_password.get_secret_value(),
            self.keepalive_s,
            self.back_off_max_s,
            protocol=self.broker_protocol,
            tls=Tls(self.broker_ca, self.broker_cert, self.broker_key) if self.broker_tls else None,
        )


def read_settings(path: Path | None, **overrides: object) -> AgentSettings:
    """Return the settings of the TOML file at `path` (None: no file), the environment and `overrides` (None: not given).

    Raises AgentError that names the file or the keys at fault.
    """
    if path is not None:
        try:
            tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise AgentError(f"the settings file {path} cannot be read: {error}. Check the path.") from error
        except tomllib.TOMLDecodeError as error:
            raise AgentError(f"{path} is not TOML: {error}. Correct that line.") from error

    class FileSettings(AgentSettings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        return FileSettings.model_validate({key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        known = ", ".join(sorted(AgentSettings.model_fields))
        raise AgentError(f"settings are not valid: {problems}. Known keys are {known}.") from None
