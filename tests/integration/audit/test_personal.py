"""What is held of a person, read from the real tables."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from api.gdpr_tree import tree
from api.vault import Vault
from engine.addresses import Addresses, Means
from engine.consent import Purpose
from engine.events import InteractionType
from engine.language import Language
from engine.records.addresses import AddressRecords
from engine.records.journal import Row
from engine.records.personal import PersonalRecords
from engine.residents import Interests
from tests.unit.address_book import LetterBox

NOW = datetime.now(UTC)
VAULT = Vault([b"k" * 32], "addresses")


async def test_everything_of_a_person_is_found_and_nobody_else(own):
    person, other = uuid4(), uuid4()
    box = LetterBox()
    addresses = Addresses(AddressRecords(own.database), VAULT, {Means.EMAIL: box})
    for one, keyword in ((person, "yso:p1"), (other, "yso:p2")):
        resident = await own.residents.enrol(one)
        await own.ledger.record(resident, "activity", granted=True, notice=1, now=NOW)
        consents = await own.ledger.record(resident, "interests", granted=True, notice=1, now=NOW)
        soon = NOW + timedelta(seconds=1)
        await own.residents.tell(consents.permit(Purpose.INTERESTS, soon), Interests(keywords=(keyword,)), soon)
        await addresses.claim(resident, Means.EMAIL, f"{keyword[4:]}@example.org", Language.FI, soon)
        await own.journal.write([Row(resident, f"e-{keyword}", f"of-{keyword}", InteractionType.SAVE, soon, soon)])
    held = await PersonalRecords(own.database, VAULT).of(person)
    assert [decision.purpose for decision in held.decisions] == ["activity", "interests"]
    assert held.interests.keywords == ("yso:p1",)
    assert [(deed.offer, deed.name) for deed in held.deeds] == [("of-yso:p1", None)]
    assert [(one.address, one.confirmed) for one in held.addresses] == [("p1@example.org", None)]
    assert [part.key for part in tree(held).children] == ["CONSENTS", "ADDRESSES", "INTERESTS", "INTERACTIONS"]
    assert await PersonalRecords(own.database, VAULT).of(uuid4()) is None
