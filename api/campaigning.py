"""The desk's side of campaigns, put together over SQL: for the API, which officials call, and for workers."""

from dataclasses import dataclass

from campaigns.campaign import Campaign
from campaigns.departments import Department, Programme, Rights
from campaigns.desk import Desk
from campaigns.records.audiences import AudienceRecords
from campaigns.records.deliveries import DeliveryRecords
from campaigns.records.documents import DocumentRecords
from campaigns.records.follows import FollowRecords
from campaigns.records.happenings import HappeningRecords
from campaigns.records.inbox import InboxRecords
from campaigns.records.lists import ListRecords
from campaigns.records.runs import RunRecords
from campaigns.records.service_messages import ServiceMessageRecords
from campaigns.records.suppressions import SuppressionRecords
from campaigns.records.trail import TrailRecords
from campaigns.records.webhooks import WebhookRecords
from campaigns.returns import Returns
from campaigns.webhooks import Webhook
from engine.records.database import Database
from engine.records.offers import OfferRecords
from engine.settings import Settings


@dataclass(frozen=True)
class Campaigning:
    """Where campaigns and what belongs to them lie, and what officials do with them."""

    campaigns: DocumentRecords[Campaign]
    departments: DocumentRecords[Department]
    programmes: DocumentRecords[Programme]
    audiences: AudienceRecords
    lists: ListRecords
    desk: Desk
    runs: RunRecords
    inbox: InboxRecords
    deliveries: DeliveryRecords
    follows: FollowRecords
    messages: ServiceMessageRecords
    webhooks: DocumentRecords[Webhook]
    webhook_records: WebhookRecords
    happenings: HappeningRecords
    returns: Returns


def campaigning(settings: Settings, database: Database, offers: OfferRecords, secret: bytes) -> Campaigning:
    """Put it together.

    Parameters
    ----------
    secret
        The house's own (`api.seal.Seal.secret`): digests of addresses that refuse are made of it.
    """
    campaigns, departments = DocumentRecords(database, Campaign), DocumentRecords(database, Department)
    programmes, audiences = DocumentRecords(database, Programme), AudienceRecords(database)
    lists = ListRecords(database)
    # It reads and notes what was sent, and sends nothing itself.
    deliveries = DeliveryRecords(database, "")
    rights, trail = Rights(settings.administrators), TrailRecords(database)
    return Campaigning(
        campaigns=campaigns,
        departments=departments,
        programmes=programmes,
        audiences=audiences,
        lists=lists,
        desk=Desk(campaigns, departments, programmes, trail, offers, rights, audiences, lists),
        runs=RunRecords(database),
        inbox=InboxRecords(database),
        deliveries=deliveries,
        follows=FollowRecords(database),
        messages=ServiceMessageRecords(database),
        webhooks=DocumentRecords(database, Webhook),
        webhook_records=WebhookRecords(database),
        happenings=HappeningRecords(database),
        returns=Returns(deliveries, SuppressionRecords(database, secret)),
    )
