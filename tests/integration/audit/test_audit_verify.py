"""`vinkki audit verify`, as a person runs it."""

from datetime import UTC, datetime

from engine.consent import Purpose

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def test_it_holds_until_somebody_takes_the_newest_entries_away_with_their_head(own, run):
    for n in range(3):
        await own.records.append(f"r{n}", Purpose.ACTIVITY, granted=True, notice=1, time=NOW)
    done = run("verify")
    assert (done.returncode, "3 entries" in done.stdout) == (0, True)
    await own.sql(
        "ALTER TABLE ledger DISABLE TRIGGER USER",
        "DELETE FROM ledger WHERE seq = 3",
        "DELETE FROM consents WHERE seq = 3",
        "UPDATE ledger_head SET seq = 2, hash = (SELECT hash FROM ledger WHERE seq = 2)",
    )
    done = run("verify")
    assert done.returncode == 1
    assert done.stderr == "vinkki: the ledger does not hold at entry 3: entry 3 is missing at the end.\n"
