"""Every setting, typed, with its unit. Set in the environment as ``VINKKI_<NAME>``."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import Misconfigured

_OWN_MACHINE = re.compile(r"smtp://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/?$")


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

    message_key: Path | None = Field(
        None,
        description="File with the keys of addresses and stop links (32 bytes in base64 a line); unset: the demo's",
    )
    public_url: str | None = Field(
        None, pattern="^https?://", description="Address that residents reach this server at, in links of messages"
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
    administrators: str | None = Field(
        None, description="AD group whose members found departments and give the first roles; unset: nobody"
    )
    mail: str | None = Field(None, description="smtp+starttls://user:secret@host:587, smtps://... or smtp://...")
    mail_from: str = Field("vinkki@localhost.localdomain", description="Address that messages are from")
    mail_name: str = Field("Helsingin kaupunki", description="Name that messages are from")
    mail_domain: str = Field("localhost.localdomain", description="Domain of Message-IDs and of bounces+...@")
    mail_connections: int = Field(4, ge=1, le=64, description="Connections to the mail server that a worker keeps")
    mail_rate: float = Field(0.0, ge=0, description="Mails a second that a worker sends at most; 0: no limit")
    mail_timeout_seconds: float = Field(30.0, gt=0, le=60, description="How long the mail server may take to answer")
    sms: str | None = Field(None, description="Address of the city's Notification service, such as https://.../v1/")
    sms_token: str | None = Field(None, description="API token of the Notification service")
    sms_sender: str = Field("Hel.fi", max_length=15, description="Whom text messages are from")
    sms_codes: int = Field(1_000, ge=1, description="Codes by text message in an hour at most, to everybody together")
    sms_rate: float = Field(5.0, ge=0, description="Text messages a second that a worker sends at most; 0: no limit")
    push_key: Path | None = Field(
        None, description="File with the private key (P-256, PEM) that push services know us by; unset: the demo's"
    )
    push_services: str = Field(
        "fcm.googleapis.com,jmt17.google.com,push.services.mozilla.com,push.apple.com,notify.windows.com",
        description="Ends of the host names of push services that messages are handed to; nobody else is called",
    )
    push_rate: float = Field(0.0, ge=0, description="Push messages a second that a worker sends at most; 0: no limit")
    webhook_secret: str | None = Field(None, min_length=32, description="What reports on sent messages are signed with")
    quiet_from: int = Field(21, ge=0, le=23, description="Hour in Helsinki from which no message makes a sound")
    quiet_until: int = Field(8, ge=0, le=23, description="Hour in Helsinki from which messages do again")
    weekly_email: int = Field(3, ge=0, description="Mails that a resident gets in a week at most, from all departments")
    weekly_sms: int = Field(1, ge=0, description="Text messages in a week at most, from all departments")
    weekly_push: int = Field(5, ge=0, description="Push notifications in a week at most, from all departments")
    weekly_inbox: int = Field(10, ge=0, description="Messages in the inbox in a week at most, from all departments")
    narrower: Path | None = Field(None, description="File of keywords and broader ones, such as of YSO, for audiences")
    labels: Path | None = Field(None, description="Folder with labels of a vocabulary, such as YSO, for learning")
    embedding: bool = Field(default=False, description="Whether trainings read meaning by the extra's embedding")
    audiences: bool = Field(default=True, description="Whether an API process holds what audiences are counted by")
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
            if self.mail is not None and self.mail.startswith("smtp://") and not _OWN_MACHINE.match(self.mail):
                raise ValueError("VINKKI_MAIL must be smtps:// or smtp+starttls:// in production, but on this machine")
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
