"""Every setting, typed, with its unit. Set in the environment as ``VINKKI_<NAME>``."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import Misconfigured


class Settings(BaseSettings):
    """What a deployment decides. In `production`, nothing embedded starts and the demo's token issuer is refused."""

    model_config = SettingsConfigDict(env_prefix="VINKKI_", frozen=True)

    environment: Literal["development", "production"] = "development"
    home: Path = Field(Path("var"), description="Folder of all state that is not in a given address")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535, description="HTTP port; 0 takes a free one")
    log_format: Literal["text", "json"] = "text"

    kafka: str | None = Field(None, description="host:port,... of Apache Kafka; unset: embedded")
    database: str | None = Field(None, description="postgresql://... ; unset: embedded")
    redis: str | None = Field(None, description="redis://... ; unset: embedded")
    kafka_jars: Path | None = Field(None, description="Folder that holds Kafka's jars, for a machine without network")

    issuer: str | None = Field(None, description="Issuer of resident and service tokens; unset: the demo's own")
    audience: str = Field("vinkki-api", description="The `aud` that a token must carry, exactly")

    controller: str = Field(
        "City of Helsinki, Culture and Leisure Division", description="Who answers for the data, as receipts name it"
    )
    receipt_key: Path | None = Field(
        None, description="File with the Ed25519 key that signs receipts (JWK, JWKS, PEM); unset: the demo's"
    )

    districts: Path | None = Field(None, description="GeoJSON file or folder with the city's divisions")
    partitions: int = Field(4, ge=1, le=512, description="Partitions of each topic that carries residents' events")
    late_limit_days: float = Field(
        7.0, gt=0, description="Older interactions are refused; also how long ids are remembered"
    )
    future_limit_seconds: float = Field(300.0, ge=0, description="How far ahead of our clock a client's may be")
    uptake_rate: float = Field(
        0.02, gt=0, le=1, description="Seats that a show in the first place takes, until an offer's own rate is known"
    )
    exploration_share: float = Field(
        0.1, ge=0, le=1, description="Of all answers, how many try an offer that few have seen, in one place"
    )
    trial_share: float = Field(
        0.1, ge=0, le=0.5, description="Of all residents, how many get suggestions of a model on trial"
    )
    train_every_hours: float = Field(
        24.0, ge=0, description="How often a worker has a model trained, ten minutes after its start at first; 0: never"
    )
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of a worker's own metrics; 0: none")
    store_patience_seconds: float = Field(
        600.0, gt=0, description="How long the worker waits for a store before it stops"
    )

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.environment == "production":
            missing = [name for name in ("kafka", "database", "redis", "issuer") if getattr(self, name) is None]
            if missing:
                names = ", ".join(f"VINKKI_{name.upper()}" for name in missing)
                raise ValueError(f"production needs an address for each part: set {names}")
            if self.issuer is not None and not self.issuer.startswith("https://"):
                raise ValueError("VINKKI_ISSUER must be an https address in production")
        return self


def load(**given: object) -> Settings:
    """Read the settings from the environment; `given` values that are not None win.

    Raises
    ------
    Misconfigured
        A variable is missing, malformed or unsafe; the message names it.
    """
    try:
        return Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        where = "VINKKI_" + "_".join(str(part) for part in first["loc"]).upper() if first["loc"] else "Settings"
        raise Misconfigured(f"{where}: {first['msg'].removeprefix('Value error, ')}.") from error
