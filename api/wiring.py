"""The composition root: puts the house together from its parts, and closes what it opened. Nothing else connects."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from api import keyed
from api.access import TokenVerifier
from api.audience_answers import AudienceAnswers
from api.audience_feed import AudienceFeed
from api.campaigning import Campaigning, campaigning
from api.catalogue_feed import CatalogueFeed
from api.ended import Ended
from api.exploration import Thompson
from api.exposure_feed import ExposureFeed
from api.inbox_feed import InboxFeed
from api.issuer import token_verifier
from api.link_feed import LinkFeed
from api.logout_feed import LogoutFeed
from api.model_feed import ModelFeed
from api.my_data import DataView
from api.names import CatalogueNames
from api.outgoing import weekly
from api.push_key import signer
from api.reach_runs import ReachRuns
from api.screens import Screens
from api.seal import Seal
from api.steering_feed import SteeringFeed
from api.trials import Trials
from api.vault import Vault, keys
from campaigns import narrower
from campaigns.counting import Counting
from campaigns.measured_links import MeasuredLinks
from campaigns.records.facts import FactRecords
from campaigns.records.lists import ListRecords
from campaigns.stop import StopLinks
from campaigns.wanting import Wanting
from campaigns.webhooks import Secrets
from engine.accesses import KEPT
from engine.addresses import Addresses
from engine.catalogue import Catalogue
from engine.consent import Register
from engine.counts import Counts
from engine.districts import Divisions
from engine.erasure import Eraser
from engine.errors import Misconfigured, VinkkiError
from engine.family import Family
from engine.intake import Intake
from engine.ledger import ConsentLedger
from engine.novelty import Novelty
from engine.online import Online
from engine.reach import Reach
from engine.records.accesses import AccessRecords
from engine.records.addresses import AddressRecords
from engine.records.database import Database
from engine.records.erasures import ErasureRecords
from engine.records.exposures import ExposureRecords
from engine.records.family import FamilyRecords
from engine.records.imports import Imports
from engine.records.invitations import InvitationRecords
from engine.records.journal import JournalRecords
from engine.records.ledger import LedgerRecords
from engine.records.logouts import LogoutRecords
from engine.records.offers import OfferRecords
from engine.records.partners import PartnerRecords
from engine.records.personal import PersonalRecords
from engine.records.reach import ReachRecords
from engine.records.receipts import ReceiptRecords
from engine.records.removals import RemovalRecords
from engine.records.residents import ResidentRecords
from engine.records.rules import RuleRecords
from engine.records.subscriptions import SubscriptionRecords
from engine.records.trials import TrialRecords
from engine.records.uptakes import UptakeRecords
from engine.removal import Remover
from engine.residents import Residents
from engine.rules import Floor, Rule
from engine.settings import Settings
from engine.steering import CitySteering
from engine.subscriptions import Subscriptions
from engine.suggestion import Suggester
from engine.telemetry import logger
from engine.trial import Lots
from stream import topics
from stream.publisher import Publisher
from stream.watchdog import LagReader

Clock = Callable[[], datetime]
log = logger("api")
MODELS = "models"
"""The folder of the home that trainings publish in."""
COMMAND_PATIENCE_SECONDS = 60.0
"""Nobody waits at a web page for a command: it rides out a broker that is slow or restarting."""


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Stores:
    """The parts a process speaks to, by what they hold. Made by `connect`, closed by `close`."""

    database: Database
    online: Online
    ledger: LedgerRecords
    journal: JournalRecords
    residents: ResidentRecords
    offers: OfferRecords
    imports: Imports
    publisher: Publisher

    async def close(self) -> None:
        """Disconnect from everything."""
        await self.publisher.close()
        await self.online.close()
        await self.database.close()


def connect(settings: Settings, connections: int = 8, patience_seconds: float = 4.0) -> Stores:
    """Return the stores at the addresses of `settings`; each connects at its first use.

    Parameters
    ----------
    patience_seconds
        How long a publication may take: short where somebody waits for the answer, long in a command.

    Raises
    ------
    Misconfigured
        An address is missing.
    """
    if settings.kafka is None or settings.database is None or settings.redis is None:
        raise Misconfigured("Set VINKKI_KAFKA, VINKKI_DATABASE and VINKKI_REDIS, or use `vinkki demo`.")
    database = Database(settings.database, connections)
    return Stores(
        database=database,
        online=Online(settings.redis),
        ledger=LedgerRecords(database),
        journal=JournalRecords(database),
        residents=ResidentRecords(database),
        offers=OfferRecords(database),
        imports=Imports(database),
        publisher=Publisher(settings.kafka, patience_seconds),
    )


async def prepare(settings: Settings, stores: Stores, now: datetime) -> None:
    """Bring schema, partitions and topics to what this version needs. Safe to repeat and to do at once."""
    await stores.database.migrate()
    await stores.journal.ensure_partitions(now)
    await topics.create(settings.kafka or "", settings.partitions)


def intake(settings: Settings, stores: Stores) -> Intake:
    """Return the intake of a worker."""
    return Intake(
        online=stores.online,
        journal=stores.journal,
        ledger=stores.ledger,
        residents=stores.residents,
        offers=stores.offers,
        refuse=stores.publisher.refused,
        late_limit=timedelta(days=settings.late_limit_days),
    )


def eraser(settings: Settings, stores: Stores, residents: Residents | None = None) -> Eraser:
    """Return what erases residents; `residents` is the memory of links that an API process has."""
    life = timedelta(days=settings.late_limit_days + 2)
    known = residents or Residents(stores.residents, stores.online)
    return Eraser(ErasureRecords(stores.database), stores.online, known, life)


def remover(settings: Settings, stores: Stores) -> Remover:
    """Return what removes single things."""
    rebuild = partial(intake(settings, stores).rebuild, replace=True)
    return Remover(RemovalRecords(stores.database), stores.online, rebuild)


async def tidy(stores: Stores, now: datetime) -> None:
    """Drop what is older than promised of accesses and shows, and what is over of partners and logouts."""
    await AccessRecords(stores.database).sweep(now - KEPT)
    await PartnerRecords(stores.database).sweep(now)
    await LogoutRecords(stores.database).sweep(now)
    await AddressRecords(stores.database).sweep(now)
    await ListRecords(stores.database).sweep(now)
    await SubscriptionRecords(stores.database).sweep(now)
    await ExposureRecords(stores.database).sweep(now)
    await UptakeRecords(stores.database).sweep(now)


def family(stores: Stores, residents: Residents | None = None, ledger: ConsentLedger | None = None) -> Family:
    """Return what knows who acts for whom; `residents` and `ledger` are those of an API process."""
    return Family(
        FamilyRecords(stores.database),
        residents or Residents(stores.residents, stores.online),
        ledger or ConsentLedger(stores.ledger, stores.online, Register.read()),
    )


@dataclass
class House:
    """Everything that an API process answers with."""

    settings: Settings
    clock: Clock
    stores: Stores
    residents: Residents
    ledger: ConsentLedger
    addresses: Addresses
    subscriptions: Subscriptions
    push_key: str | None
    stop_links: StopLinks
    measured_links: MeasuredLinks
    message_vault: Vault
    webhook_secrets: Secrets
    family: Family
    invitations: InvitationRecords
    receipts: ReceiptRecords
    seal: Seal
    counts: Counts
    personal: PersonalRecords
    partners: PartnerRecords
    accesses: AccessRecords
    eraser: Eraser
    remover: Remover
    view: DataView
    links: LinkFeed
    catalogue: Catalogue
    feed: CatalogueFeed
    models: ModelFeed
    trials: Trials
    steering: CitySteering
    rules: RuleRecords[Rule]
    floors: RuleRecords[Floor]
    exposures: ExposureRecords
    steering_feed: SteeringFeed
    exposure_feed: ExposureFeed
    suggester: Suggester
    reach: ReachRuns
    audience_feed: AudienceFeed
    wanting: Wanting
    audience_counting: Counting
    audience_answers: AudienceAnswers
    offers: OfferRecords
    publisher: Publisher
    lag: LagReader
    divisions: Divisions
    tokens: TokenVerifier
    logouts: LogoutRecords
    ends: LogoutFeed
    inbox_feed: InboxFeed
    screens: Screens
    campaigning: Campaigning

    async def open(self) -> None:
        """Load the catalogue and begin to follow it; Kafka may come later."""
        self.suggester.warm_up(self.clock())
        await self.feed.open()
        await self.models.open()
        await self.steering_feed.open()
        await self.exposure_feed.open()
        await self.links.open()
        await self.ends.open()
        self.inbox_feed.start()
        if self.settings.audiences:
            self.audience_feed.start()
        try:
            await self.publisher.open()
        except VinkkiError as error:
            log.warning("kafka is away at start", why=error.detail)

    async def close(self) -> None:
        """Stop following and disconnect."""
        await self.reach.close()
        await self.trials.close()
        await self.wanting.close()
        await self.audience_feed.close()
        await self.feed.close()
        await self.models.close()
        await self.steering_feed.close()
        await self.exposure_feed.close()
        await self.links.close()
        await self.ends.close()
        await self.inbox_feed.close()
        await self.lag.close()
        await self.tokens.close()
        await self.stores.close()


def assemble(settings: Settings, *, clock: Clock = utc_now, tokens: TokenVerifier | None = None) -> House:
    """Put a house together at the addresses of `settings`.

    Parameters
    ----------
    clock
        The time; tests fix it.
    tokens
        What checks bearer tokens; otherwise against the issuer that is set, or the demo's own.
    """
    stores, seal = connect(settings), Seal.of(settings)
    personal = PersonalRecords(stores.database, Vault(keys(settings), "addresses"))
    catalogue = Catalogue()
    steering, exposures = CitySteering(catalogue, settings.uptake_rate), ExposureRecords(stores.database)
    rules, floors = RuleRecords(stores.database, Rule), RuleRecords(stores.database, Floor)
    residents = Residents(stores.residents, stores.online)
    ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
    divisions = Divisions.read(settings.districts)
    novelty = Novelty(Thompson(), settings.exploration_share)
    counts, lots = Counts(seal.secret), Lots(seal.secret)
    suggester = Suggester(catalogue, stores.online, ledger, divisions, steering=steering, novelty=novelty, lots=lots)
    reach = Reach(suggester, catalogue, ReachRecords(stores.database), stores.online, ledger)
    tokens = tokens or token_verifier(settings, base(settings), Ended(seal.secret))
    logouts = LogoutRecords(stores.database)
    side = campaigning(settings, stores.database, stores.offers, seal.secret)
    audience_feed = AudienceFeed(FactRecords(stores.database, weekly(settings)), stores.database, clock)
    wanting = Wanting(reach, clock)
    lists = ListRecords(stores.database)
    counting = Counting(audience_feed, counts, narrower.read(settings.narrower), wanting, lists)
    return House(
        settings=settings,
        clock=clock,
        stores=stores,
        residents=residents,
        ledger=ledger,
        addresses=keyed.addresses(settings, stores.database),
        subscriptions=keyed.subscriptions(settings, stores.database),
        push_key=signs.public if (signs := signer(settings)) else None,
        stop_links=keyed.stop_links(settings),
        measured_links=keyed.measured_links(settings),
        message_vault=keyed.message_vault(settings),
        webhook_secrets=keyed.webhook_secrets(settings, side.webhook_records),
        family=family(stores, residents, ledger),
        invitations=InvitationRecords(stores.database),
        receipts=ReceiptRecords(stores.database),
        seal=seal,
        counts=counts,
        personal=personal,
        partners=PartnerRecords(stores.database),
        accesses=AccessRecords(stores.database),
        eraser=eraser(settings, stores, residents),
        remover=remover(settings, stores),
        view=DataView(personal, stores.offers, stores.online, ledger, catalogue, divisions),
        links=LinkFeed(residents, stores.database, ErasureRecords(stores.database)),
        catalogue=catalogue,
        feed=CatalogueFeed(catalogue, stores.database, stores.offers, stores.journal, clock),
        models=ModelFeed(settings.home / MODELS, catalogue, stores.offers, clock),
        trials=Trials(settings.home / MODELS, TrialRecords(stores.database, lots), counts, clock),
        steering=steering,
        rules=rules,
        floors=floors,
        exposures=exposures,
        steering_feed=SteeringFeed(steering, stores.database, rules, floors),
        exposure_feed=ExposureFeed(steering, exposures, UptakeRecords(stores.database), clock),
        suggester=suggester,
        reach=ReachRuns(reach, counts, seal, stores.online, clock),
        audience_feed=audience_feed,
        wanting=wanting,
        audience_counting=counting,
        audience_answers=AudienceAnswers(counting, stores.online, CatalogueNames(catalogue, divisions), lists),
        offers=stores.offers,
        publisher=stores.publisher,
        lag=LagReader(settings.kafka or ""),
        divisions=divisions,
        tokens=tokens,
        logouts=logouts,
        ends=LogoutFeed(tokens, stores.database, logouts, clock),
        inbox_feed=InboxFeed(stores.database),
        screens=Screens(side.campaigns, stores.offers, suggester, clock),
        campaigning=side,
    )


def base(settings: Settings) -> str:
    """Return the address that this server answers at."""
    return f"http://{settings.host}:{settings.port}"
