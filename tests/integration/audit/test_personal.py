"""What is held of a person, read from the real tables."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from api.gdpr_tree import tree
from engine.consent import Purpose
from engine.events import InteractionType
from engine.records.journal import Row
from engine.records.personal import PersonalRecords
from engine.residents import Interests

NOW = datetime.now(UTC)


async def test_everything_of_a_person_is_found_and_nobody_else(own):
    person, other = uuid4(), uuid4()
    for one, keyword in ((person, "yso:p1"), (other, "yso:p2")):
        resident = await own.residents.enrol(one)
        await own.ledger.record(resident, "activity", granted=True, notice=1, now=NOW)
        consents = await own.ledger.record(resident, "interests", granted=True, notice=1, now=NOW)
        soon = NOW + timedelta(seconds=1)
        await own.residents.tell(consents.permit(Purpose.INTERESTS, soon), Interests(keywords=(keyword,)), soon)
        await own.journal.write([Row(resident, f"e-{keyword}", f"of-{keyword}", InteractionType.SAVE, soon, soon)])
    held = await PersonalRecords(own.database).of(person)
    assert [decision.purpose for decision in held.decisions] == ["activity", "interests"]
    assert held.interests.keywords == ("yso:p1",)
    assert [(deed.offer, deed.name) for deed in held.deeds] == [("of-yso:p1", None)]
    assert len(tree(held).children) == 3
    assert await PersonalRecords(own.database).of(uuid4()) is None
