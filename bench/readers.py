"""Readers: residents who allow mails on a topic and have confirmed an address; and campaigns that speak to them."""

import secrets
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import text

from api import wiring
from api.campaigning import Campaigning, campaigning
from api.seal import Seal
from api.vault import Vault, keys
from campaigns.audience import Draft as AudienceDraft
from campaigns.audience import Everyone, Tree
from campaigns.campaign import CampaignKind, Draft, Move
from campaigns.departments import Department, DepartmentDraft, Role
from campaigns.desk import Official
from campaigns.keeper import Keeper
from campaigns.message import Message, Text
from campaigns.schedule import Schedule, Trigger
from engine.addresses import Means, about
from engine.consent import Purpose
from engine.events import Interaction, InteractionBatch, InteractionType, Pseudonym
from engine.residents import Interests
from engine.rulebook import Rulebook
from engine.settings import Settings

TOPIC = "library"
EVERYBODY = Everyone()
PURPOSE = Purpose("marketing_library_email")
WRITER = Official("maija@example.fi", frozenset({"writers"}))
APPROVER = Official("ville@example.fi", frozenset({"approvers"}))
LEAD = timedelta(seconds=2)
"""How long before its start a campaign is scheduled; it may not lie in the past."""
_TONGUES = ("fi", "sv", "en")
_AT_ONCE = 1_000
# Made in the database itself: through the API, with a code for each address, they would take an hour.
_MAKE = (
    """
    INSERT INTO residents (person, pseudonym) SELECT gen_random_uuid(), p FROM unnest(CAST(:who AS text[])) p
    """,
    """
    INSERT INTO consents (resident, purpose, granted, notice, since, seq)
    SELECT r, p, true, 1, :since, 1 FROM unnest(CAST(:who AS text[])) r CROSS JOIN unnest(CAST(:purposes AS text[])) p
    """,
    """
    INSERT INTO interests (resident, content, updated)
    SELECT r, CAST(i AS jsonb), :now FROM unnest(CAST(:who AS text[]), CAST(:interests AS text[])) AS u(r, i)
    """,
    """
    INSERT INTO addresses (resident, means, sealed, confirmed)
    SELECT r, 'email', s, :now FROM unnest(CAST(:who AS text[]), CAST(:sealed AS bytea[])) AS u(r, s)
    """,
)
_PARAGRAPHS = {
    "fi": "Kirjastossa on tällä viikolla kielikahvila, satutunti ja korjauspaja. Kaikkiin pääsee maksutta, ja ovet "
    "ovat auki kaikille. Tulkaa ajoissa, sillä paikkoja on rajallisesti.",
    "sv": "I biblioteket finns den här veckan språkcafé, sagostund och reparationsverkstad. Allt är avgiftsfritt och "
    "öppet för alla. Kom i tid, för platserna är begränsade.",
    "en": "This week the library has a language café, a story hour and a repair workshop. All are free and open to "
    "everybody. Come early, since places are few.",
}


async def enrol(
    settings: Settings, stores: wiring.Stores, number: int, keywords: tuple[str, ...] = (), saved: str | None = None
) -> list[Pseudonym]:
    """Make residents who allow mails of the library, tell a language and `keywords`, and have an address.

    Where an offer is named, they allow `activity` too, and have saved it.
    """
    vault, now = Vault(keys(settings), "addresses"), datetime.now(UTC)
    intake, readers = wiring.intake(settings, stores), [secrets.token_urlsafe(16) for _ in range(number)]
    for first in range(0, number, _AT_ONCE):
        some = readers[first : first + _AT_ONCE]
        told = [Interests(keywords, languages=(_TONGUES[n % 3],), birth_year=1980) for n in range(len(some))]
        values = {
            "who": some,
            "since": now - timedelta(days=60),
            "now": now - timedelta(days=59),
            "purposes": [PURPOSE, Purpose.INTERESTS, *([] if saved is None else [Purpose.ACTIVITY])],
            "interests": [msgspec.json.encode(its).decode() for its in told],
            "sealed": [vault.seal(f"{who}@post.example".encode(), about(who, Means.EMAIL)) for who in some],
        }
        async with stores.database.begin() as connection:
            for statement in _MAKE:
                await connection.execute(text(statement), {n: v for n, v in values.items() if f":{n}" in statement})
        await intake.rebuild(some, now)
        if saved is not None:
            acts = [(who, Interaction(secrets.token_hex(8), saved, InteractionType.SAVE, now)) for who in some]
            await intake.interactions([InteractionBatch(who, now, (act,)) for who, act in acts], now)
    async with stores.database.begin() as connection:
        await connection.execute(text("ANALYZE"))  # as the server does by itself, a minute after so many rows
    return readers


class Desk:
    """A department whose officials send campaigns to an audience; made by `Desk.found`."""

    def __init__(self, side: Campaigning, department: str, audience: str) -> None:
        self._side = side
        self._department = department
        self._audience = audience

    @classmethod
    async def found(
        cls, settings: Settings, stores: wiring.Stores, department: str = "library", tree: Tree = EVERYBODY
    ) -> "Desk":
        """Found a department, with an audience."""
        now = wiring.utc_now()
        side = campaigning(settings, stores.database, stores.offers, Seal.of(settings).secret)
        roles = {Role.EDITOR: tuple(WRITER.groups), Role.APPROVER: tuple(APPROVER.groups)}
        draft = DepartmentDraft(names=dict.fromkeys(_TONGUES, department.title()), roles=roles)
        await Keeper(side.departments, "department").create(Department, draft, WRITER, now, department)
        meant = AudienceDraft(department=department, name="Readers", tree=tree)
        audience = await Rulebook(side.audiences, "audience").write(meant, WRITER.name, now)
        return cls(side, department, audience.id)

    async def schedule(self, name: str, trigger: Trigger | None = None) -> str:
        """Have a campaign written and approved by another; return its id.

        Parameters
        ----------
        trigger
            What it waits for; without, it begins in `LEAD`.

        Raises
        ------
        Unfit
            Nothing here sends such campaigns.
        """
        desk, now = self._side.desk, wiring.utc_now()
        draft = Draft(
            name=name,
            department=self._department,
            kind=CampaignKind.TRIGGERED if trigger else CampaignKind.ONE_OFF,
            topic=TOPIC,
            channels=("email",),
            message=_message(name),
            audience=self._audience,
            schedule=Schedule(trigger=trigger) if trigger else Schedule(starts=now + LEAD),
        )
        its = await desk.create(draft, WRITER, now)
        for move, who in ((Move.SUBMIT, WRITER), (Move.APPROVE, APPROVER), (Move.SCHEDULE, WRITER)):
            its = await desk.move(its.id, its.version, move, who, now)
        return its.id

    async def ends(self, campaign: str) -> dict[tuple[str, str], int]:
        """Return how many deliveries of a campaign came to which end, by state and reason."""
        found = dict[tuple[str, str], int]()
        for run, _, _ in await self._side.runs.of(campaign):
            _, tallies = await self._side.runs.tallies(run)
            for its in tallies:
                found[its.state, its.reason] = found.get((its.state, its.reason), 0) + its.count
        return found


def _message(name: str) -> Message:
    texts = {
        code: Text(
            subject=f"{name} ({code})",
            preheader=_PARAGRAPHS[code][:60],
            body=f"<h2>{name}</h2>"
            + f"<p>{_PARAGRAPHS[code]}</p>" * 4
            + '<p><a href="https://www.helmet.fi">Helmet</a></p>',
        )
        for code in _TONGUES
    }
    return Message(texts=texts)
