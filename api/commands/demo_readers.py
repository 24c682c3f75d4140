"""Made-up residents of the demo who want messages: they allow some topics by e-mail and have confirmed an address."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from api import wiring
from api.commands.simulate import PERSONAS
from api.vault import Vault, keys
from engine.addresses import Addresses, Means
from engine.consent import Permit, Purpose, Register
from engine.events import Pseudonym
from engine.language import Language
from engine.ledger import ConsentLedger
from engine.records.addresses import AddressRecords
from engine.residents import Interests, Residents
from engine.settings import Settings

NUMBER = 40
TOPICS = ("library", "new_courses", "area_tips")
_TONGUES = (Language.FI, Language.FI, Language.SV, Language.EN)
_LIKED = ("yso:p965", "yso:p1808", "yso:p2739")


class _Letterbox:
    """Takes a code to where these residents read it at once, since nobody is there to type it in."""

    code = ""

    async def send(self, _: str, code: str, __: Language) -> None:
        self.code = code


async def settle(settings: Settings, now: datetime) -> None:
    """Let residents say what they want to hear of, beside those that one can be in the reference app."""
    stores, box = wiring.connect(settings), _Letterbox()
    try:
        addresses = Addresses(AddressRecords(stores.database), Vault(keys(settings), "addresses"), {Means.EMAIL: box})
        residents = Residents(stores.residents, stores.online)
        ledger = ConsentLedger(stores.ledger, stores.online, Register.read())
        for number, (person, name) in enumerate(_people(settings)):
            resident, language = await residents.enrol(person), _TONGUES[number % len(_TONGUES)]
            await _decide(ledger, resident, now)
            permit = await ledger.permit(resident, Purpose.INTERESTS, now)
            if name is None and isinstance(permit, Permit):
                await residents.tell(permit, Interests(keywords=_LIKED[: 1 + number % 3], languages=(language,)), now)
            address = f"{name or f'asukas-{number}'}@post.example"
            await addresses.claim(resident, Means.EMAIL, address, language, now)
            await addresses.confirm(resident, Means.EMAIL, box.code, now)
    finally:
        await stores.close()


def _people(settings: Settings) -> Sequence[tuple[UUID, str | None]]:
    path = settings.home / PERSONAS
    known = json.loads(path.read_text("utf-8")) if path.exists() else []
    named = [(UUID(one["id"]), one["name"].partition(",")[0].lower()) for one in known]
    return [*named, *((uuid4(), None) for _ in range(NUMBER - len(named)))]


async def _decide(ledger: ConsentLedger, resident: Pseudonym, now: datetime) -> None:
    for purpose in (Purpose.INTERESTS, *(Purpose(f"marketing_{topic}_email") for topic in TOPICS)):
        notice = ledger.register.declaration(purpose).notice.version
        await ledger.record(resident, purpose, granted=True, notice=notice, now=now)
