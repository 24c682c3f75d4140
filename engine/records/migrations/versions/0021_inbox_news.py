"""Notices of whose inbox has changed, for those who watch their own."""

from alembic import op

revision = "0021"
down_revision = "0020"

# As `announce_residents`, on a channel of its own: whoever watches an inbox hears of nothing else.
ANNOUNCE = """
CREATE FUNCTION announce_inboxes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_notify('inboxes', string_agg(one, ' ')) FROM (
        SELECT one, (row_number() OVER () - 1) / 100 AS part
        FROM (SELECT DISTINCT resident AS one FROM changed) AS each WHERE length(one) <= 70
    ) AS parts GROUP BY part;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(ANNOUNCE)
    for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER announce_{event.lower()} AFTER {event} ON inbox "
            f"REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_inboxes()"
        )
