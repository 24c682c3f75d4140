"""The desk's side of campaigns, put together over SQL: for the API, which officials call, and for workers."""

from dataclasses import dataclass

from campaigns.campaign import Campaign
from campaigns.departments import Department, Programme, Rights
from campaigns.desk import Desk
from campaigns.records.audiences import AudienceRecords
from campaigns.records.deliveries import DeliveryRecords
from campaigns.records.documents import DocumentRecords
from campaigns.records.inbox import InboxRecords
from campaigns.records.lists import ListRecords
from campaigns.records.runs import RunRecords
from campaigns.records.suppressions import SuppressionRecords
from campaigns.records.trail import TrailRecords
from campaigns.returns import Returns
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
    rights, trail = Rights(settings.administrators), TrailRecords(database)
    return Campaigning(
        campaigns=campaigns,
        departments=departments,
        programmes=programmes,
        audiences=audiences,
        lists=ListRecords(database),
        desk=Desk(campaigns, departments, programmes, trail, offers, rights, audiences),
        runs=RunRecords(database),
        inbox=InboxRecords(database),
        # It reads and notes what was sent, and sends nothing itself.
        returns=Returns(DeliveryRecords(database, ""), SuppressionRecords(database, secret)),
    )
