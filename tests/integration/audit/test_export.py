"""The log for off-policy judging: of residents who allow it, once the week is over, and nobody can be found in it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from api.commands.export import gathered
from engine.consent import Purpose
from engine.events import Chance, Impression, InteractionType
from engine.records.journal import Row
from engine.records.learning import LearningRecords
from models.logged import read_log
from models.tried import write_log
from tests.factories import in_force

NOW = datetime.now(UTC).replace(microsecond=0)
AT = NOW - timedelta(days=9)
ALL = (Purpose.ACTIVITY, Purpose.LEARNING, Purpose.MEASUREMENT)


async def shown(own, purposes, chance, *, chosen=False):
    """Enrol somebody who was shown five offers, and perhaps chose that in the place for new ones."""
    resident = await own.residents.enrol(uuid4())
    for purpose in purposes:
        await own.ledger.record(resident, purpose, granted=True, notice=in_force(purpose), now=AT - timedelta(days=1))
    offers = ("o:1", "o:2", "o:3", "o:tried", "o:5")
    await own.journal.impressions([
        Impression(str(uuid4()), resident, AT, "personal", offers, chance=Chance(4, chance))
    ])  # fmt: skip
    if chosen:
        time = AT + timedelta(hours=1)
        await own.journal.write([Row(resident, str(uuid4()), "o:tried", InteractionType.SAVE, time, time)])
    return resident


async def test_the_log_tells_what_followed_and_names_nobody(own, tmp_path):
    residents = [await shown(own, ALL, 0.9 if n else 0.05, chosen=n % 2 == 1) for n in range(8)]
    await shown(own, ALL[:2], 0.9, chosen=True)
    await shown(own, ALL[2:], 0.9)
    withdrawn = await shown(own, ALL, 0.9)
    await own.ledger.record(withdrawn, Purpose.LEARNING, granted=False, notice=None, now=NOW)
    tries = await gathered(LearningRecords(own.database), lambda: NOW, 0)
    path = tmp_path / "log.csv"
    assert write_log(path, tries.told(0.0)) == 8
    text = path.read_text()
    assert not any(resident in text for resident in (*residents, withdrawn))
    assert f"{AT:%H:%M}" not in text
    log = read_log(path).log
    assert log.rewards.sum() == 4
    assert sorted(log.propensities.tolist()) == [0.05, *[0.9] * 7]
    assert sorted(log.targets.tolist()) == [0.0, *[1.0] * 7]
