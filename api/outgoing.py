"""What the settings say of messages that go out: how many a week, at which hours, over which servers."""

from collections.abc import Callable, Mapping
from datetime import datetime

import httpx

from campaigns.channels.mail import MailChannel
from campaigns.channels.mime import Mail
from campaigns.channels.pace import TokenBucket
from campaigns.channels.sms import SmsChannel
from campaigns.channels.smtp import Server
from campaigns.confirmation import TIMEOUT_SECONDS, MailCourier, SmsCourier
from campaigns.quiet import QuietHours
from engine.addresses import Courier, Means
from engine.settings import Settings

Clock = Callable[[], datetime]


def weekly(settings: Settings) -> Mapping[str, int]:
    """Return how many messages a resident gets in a week, by channel."""
    return {
        "email": settings.weekly_email,
        "sms": settings.weekly_sms,
        "push": settings.weekly_push,
        "inbox": settings.weekly_inbox,
    }


def quiet_hours(settings: Settings) -> QuietHours:
    """Return the hours in which nothing makes a sound."""
    return QuietHours(settings.quiet_from, settings.quiet_until)


def mail_channel(settings: Settings, clock: Clock) -> MailChannel | None:
    """Return the channel of e-mail, if a server is set."""
    if settings.mail is None:
        return None
    server = Server.read(settings.mail, settings.mail_timeout_seconds)
    mail = Mail(settings.mail_name, settings.mail_from, settings.mail_domain)
    bucket = TokenBucket(settings.mail_rate)
    return MailChannel(server, mail, clock, connections=settings.mail_connections, bucket=bucket)


def sms_channel(settings: Settings) -> SmsChannel | None:
    """Return the channel of text messages, if the Notification service is set."""
    if settings.sms is None or settings.sms_token is None:
        return None
    bucket = TokenBucket(settings.sms_rate)
    return SmsChannel(_sms_client(settings.sms, 30.0), settings.sms_token, settings.sms_sender, bucket=bucket)


def couriers(settings: Settings) -> Mapping[Means, Courier]:
    """Return what takes codes to addresses: by mail and by text message, each where its server is set."""
    found: dict[Means, Courier] = {}
    if settings.mail is not None:
        found[Means.EMAIL] = MailCourier(settings.mail, settings.mail_from)
    if settings.sms is not None and settings.sms_token is not None:
        address, token, sender = settings.sms, settings.sms_token, settings.sms_sender
        # Somebody waits for it, at a page.
        found[Means.SMS] = SmsCourier(lambda: SmsChannel(_sms_client(address, TIMEOUT_SECONDS), token, sender))
    return found


def _sms_client(address: str, patience_seconds: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, timeout=httpx.Timeout(patience_seconds, connect=5.0))
