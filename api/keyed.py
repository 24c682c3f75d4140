"""What is made with the house's own keys: sealed addresses, links in messages, secrets of webhooks."""

from api.outgoing import couriers
from api.vault import Vault, keys
from campaigns.measured_links import MeasuredLinks
from campaigns.records.webhooks import WebhookRecords
from campaigns.stop import StopLinks
from campaigns.webhooks import Secrets
from engine.addresses import Addresses
from engine.records.addresses import AddressRecords
from engine.records.database import Database
from engine.records.subscriptions import SubscriptionRecords
from engine.settings import Settings
from engine.subscriptions import PushServices, Subscriptions


def public(settings: Settings) -> str:
    """Return the address that residents reach this server at."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def addresses(settings: Settings, database: Database) -> Addresses:
    """Return what keeps residents' addresses and gives them out by permits."""
    records = AddressRecords(database, settings.sms_codes)
    return Addresses(records, Vault(keys(settings), "addresses"), couriers(settings))


def subscriptions(settings: Settings, database: Database) -> Subscriptions:
    """Return what keeps residents' browsers and gives them out by permits."""
    services = tuple(host.strip() for host in settings.push_services.split(",") if host.strip())
    allowed = PushServices(services, loopback=settings.environment != "production")
    return Subscriptions(SubscriptionRecords(database), Vault(keys(settings), "addresses"), allowed)


def stop_links(settings: Settings) -> StopLinks:
    """Return what makes stop links and reads them; they hold over restarts as long as the key is kept."""
    return StopLinks(Vault(keys(settings), "stop links"), public(settings))


def message_vault(settings: Settings) -> Vault:
    """Return what encrypts the content of service messages."""
    return Vault(keys(settings), "service messages")


def webhook_secrets(settings: Settings, records: WebhookRecords) -> Secrets:
    """Return what makes the secrets of webhooks and signs with them."""
    return Secrets(records, Vault(keys(settings), "webhooks"))


def measured_links(settings: Settings) -> MeasuredLinks:
    """Return what makes links that are counted, and reads them."""
    return MeasuredLinks(Vault(keys(settings), "measured links").digest, public(settings))
