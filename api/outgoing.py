"""What the settings say of messages that go out: how many a week, at which hours, over which mail server."""

from collections.abc import Callable, Mapping
from datetime import datetime

from campaigns.channels.mail import MailChannel
from campaigns.channels.mime import Mail
from campaigns.channels.pace import TokenBucket
from campaigns.channels.smtp import Server
from campaigns.quiet import QuietHours
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
