"""The application: every operation on its route, every error a problem, and a page that explains them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from fastapi import FastAPI

from api import documentation, errors, openapi
from api.departments import RoleDepartments
from api.gate import Gate
from api.issuer import DemoIssuer
from api.known_offers import KnownOffers
from api.middleware import Doorkeeper
from api.nudges import Nudges
from api.operations import Operation, endpoints
from api.pages.app import install as install_pages
from api.routes.accesses import AccessRoutes
from api.routes.addresses import AddressRoutes
from api.routes.audiences import AudienceRoutes
from api.routes.campaigns import CampaignRoutes
from api.routes.choices import ChoiceRoutes
from api.routes.consents import ConsentRoutes
from api.routes.demo_issuer import DemoIssuerRoutes
from api.routes.demo_mail import FOLDER, DemoMailRoutes
from api.routes.departments import DepartmentRoutes
from api.routes.exposure import ExposureRoutes
from api.routes.family import FamilyRoutes
from api.routes.gdpr import GdprRoutes
from api.routes.grants import GrantRoutes
from api.routes.health import HealthRoutes
from api.routes.inbox import InboxRoutes
from api.routes.interactions import Interactions
from api.routes.interests import InterestRoutes
from api.routes.invitations import InvitationRoutes
from api.routes.lists import ListRoutes
from api.routes.logout import LogoutRoutes
from api.routes.measured_links import MeasuredLinkRoutes
from api.routes.messages import MessageRoutes
from api.routes.my_data import MyDataRoutes
from api.routes.offers import OfferRoutes
from api.routes.partners import PartnerRoutes
from api.routes.places import PlaceRoutes
from api.routes.proofs import ProofRoutes
from api.routes.push_subscriptions import PushSubscriptionRoutes
from api.routes.reach import ReachRoutes
from api.routes.receipts import ReceiptRoutes
from api.routes.reports import ReportRoutes
from api.routes.results import ResultRoutes
from api.routes.rules import RuleRoutes
from api.routes.screens import ScreenRoutes
from api.routes.sharing import SharingRoutes
from api.routes.stop import StopRoutes
from api.routes.suggestions import SuggestionRoutes
from api.routes.trial import TrialRoutes
from api.routes.webhooks import WebhookRoutes
from api.rule_versions import RuleTeller
from api.terms import Terms
from campaigns.stop import Stopper
from engine.consent import Purpose
from engine.errors import StoreUnavailable, VinkkiError
from engine.events import ConsentChange, Pseudonym
from engine.telemetry import tell_waiting

if TYPE_CHECKING:
    from api.wiring import House


def create_app(house: "House") -> FastAPI:
    """Return the ASGI application of a house; it opens the house when it starts, and closes it when it stops."""
    offered = operations(house)
    app = FastAPI(
        title="Vinkki",
        version=openapi.VERSION,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(house),
        # Spans hold addresses, and addresses hold people: only what `engine.telemetry` says of itself leaves the house.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(Doorkeeper)
    errors.install(app)
    app.router.routes += endpoints(offered)
    app.router.routes += documentation.routes(openapi.document(offered, house.tokens.issuer))
    gate = Gate(house.tokens, house.clock, house.accesses, house.family)
    app.router.routes += GdprRoutes(gate, house.personal, house.eraser, house.clock).routes()
    install_pages(app, issuer=house.tokens.issuer, clock=house.clock)
    if house.settings.issuer is None and house.settings.environment == "development":
        issuer = DemoIssuer(house.settings.home, house.tokens.issuer, house.settings.audience)
        app.router.routes += DemoIssuerRoutes(issuer, house.clock).routes()
        app.router.routes += DemoMailRoutes(house.settings.home / FOLDER).routes()
    return app


def operations(house: "House") -> Sequence[Operation]:
    """Return everything that the API of a house can be asked. A path with a fixed end comes before one that is open."""
    gate = Gate(house.tokens, house.clock, house.accesses, house.family)
    known, nudges = KnownOffers(house.catalogue, house.offers), Nudges(house.publisher)
    return (
        # Paths are tried in this order: what is asked most comes first.
        *SuggestionRoutes(gate, house.residents, house.suggester, house.offers, house.publisher).operations(),
        *Interactions(gate, house.residents, known, house.publisher, house.settings).operations(),
        *ConsentRoutes(gate, house.residents, house.ledger, nudges, house.family).operations(),
        *AddressRoutes(gate, house.residents, house.addresses).operations(),
        *PushSubscriptionRoutes(gate, house.residents, house.subscriptions, house.push_key).operations(),
        *_stop(house, nudges).operations(),
        *_measured(house).operations(),
        *_receipts(house, gate).operations(),
        *InterestRoutes(gate, house.residents, house.ledger, house.remover).operations(),
        *ChoiceRoutes(gate, house.residents, house.ledger).operations(),
        *MyDataRoutes(gate, house.residents, house.view, house.remover, house.eraser).operations(),
        *FamilyRoutes(gate, house.family).operations(),
        *InvitationRoutes(gate, house.residents, house.invitations, known).operations(),
        *PartnerRoutes(gate, house.partners).operations(),
        *GrantRoutes(
            gate, house.residents, house.ledger, house.stores.ledger, house.partners, house.family
        ).operations(),
        *SharingRoutes(gate, house.partners).operations(),
        *AccessRoutes(gate, house.residents, house.accesses).operations(),
        *LogoutRoutes(house.tokens, house.logouts, house.clock).operations(),
        *RuleRoutes(gate, house.rules, RuleTeller(house.steering, known)).operations(),
        *ExposureRoutes(gate, house.floors, house.exposures, house.steering).operations(),
        *OfferRoutes(gate, house.offers, house.clock).operations(),
        *ReachRoutes(gate, house.offers, house.reach).operations(),
        *_audiences(house, gate),
        *TrialRoutes(gate, house.trials).operations(),
        *CampaignRoutes(
            gate, house.campaigning.desk, house.campaigning.campaigns, house.campaigning.departments
        ).operations(),
        *ProofRoutes(gate, house.campaigning.desk, house.settings).operations(),
        *_results(house, gate).operations(),
        *DepartmentRoutes(
            gate, house.campaigning.desk.rights, house.campaigning.departments, house.campaigning.programmes
        ).operations(),
        *ScreenRoutes(house.screens).operations(),
        *PlaceRoutes(gate, house.stores.online, house.counts, house.clock).operations(),
        *_messages(house, gate).operations(),
        *InboxRoutes(gate, house.residents, house.ledger, house.campaigning.inbox, house.inbox_feed).operations(),
        *_webhooks(house, gate).operations(),
        *ReportRoutes(house.campaigning.returns, house.settings, house.clock).operations(),
        *_health(house).operations(),
    )


def _stop(house: "House", nudges: Nudges) -> StopRoutes:
    async def tell(resident: Pseudonym, purpose: Purpose, now: datetime) -> None:
        nudges.send(ConsentChange(resident, purpose, granted=False, time=now))

    return StopRoutes(house.stop_links, Stopper(house.ledger, tell), house.clock)


def _messages(house: "House", gate: Gate) -> MessageRoutes:
    side = house.campaigning
    return MessageRoutes(gate, side.campaigns, house.residents, side.messages, house.message_vault)


def _results(house: "House", gate: Gate) -> ResultRoutes:
    side = house.campaigning
    return ResultRoutes(gate, side.desk, side.runs, side.follows, side.messages, house.counts)


def _webhooks(house: "House", gate: Gate) -> WebhookRoutes:
    side = house.campaigning
    return WebhookRoutes(
        gate,
        side.desk.rights,
        side.departments,
        side.webhooks,
        side.webhook_records,
        house.webhook_secrets,
        house.residents,
        side.happenings,
    )


def _measured(house: "House") -> MeasuredLinkRoutes:
    side = house.campaigning
    return MeasuredLinkRoutes(house.measured_links, side.deliveries, house.ledger, side.follows, house.clock)


def _audiences(house: "House", gate: Gate) -> Sequence[Operation]:
    its = house.campaigning
    departments = RoleDepartments(its.departments, its.desk.rights)
    lists = ListRoutes(gate, its.lists, departments, house.counts)
    audiences = AudienceRoutes(gate, its.audiences, house.audience_answers, departments, its.lists)
    return (*lists.operations(), *audiences.operations())


def _receipts(house: "House", gate: Gate) -> ReceiptRoutes:
    terms = Terms(house.ledger.register, house.partners)
    return ReceiptRoutes(gate, house.residents, house.receipts, terms, house.seal, house.settings)


def _health(house: "House") -> HealthRoutes:
    async def database() -> None:
        async with house.stores.database.begin() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def catalogue() -> None:
        if not house.feed.loaded:
            raise StoreUnavailable("The catalogue is not loaded yet.")

    async def lag() -> None:
        await house.lag.lag()

    async def waiting() -> None:
        tell_waiting(*await house.stores.ledger.waiting(), house.clock())

    async def erasures() -> None:
        await house.eraser.measure()

    checks = {
        "database": database,
        "redis": house.stores.online.ping,
        "kafka": house.publisher.ping,
        "catalogue": catalogue,
    }
    return HealthRoutes(checks, (lag, waiting, erasures))


def _lifespan(house: "House") -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        try:
            try:
                await house.open()
            except VinkkiError as error:
                app.state.failure = error
                raise
            yield
        finally:
            await house.close()

    return living
