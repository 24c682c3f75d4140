"""Browsers that take push messages; and notices of whose inbox has changed, for those who show it."""

from alembic import op

revision = "0020"
down_revision = "0019"

SUBSCRIPTIONS = """
CREATE TABLE push_subscriptions (
    mark bytea PRIMARY KEY,
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    sealed bytea NOT NULL,
    given timestamptz NOT NULL
);
CREATE INDEX push_subscriptions_resident ON push_subscriptions (resident, given);
COMMENT ON TABLE push_subscriptions IS 'Browsers that take push messages, sealed as addresses are; gone with the link';
COMMENT ON COLUMN push_subscriptions.mark IS 'A keyed digest of its endpoint: a browser is one resident''s at a time';
"""

# A notice holds at most 8,000 bytes; of one statement's residents each is told once.
ANNOUNCE = """
CREATE FUNCTION announce_inbox() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_notify('inbox', TG_ARGV[0] || ' ' || string_agg(one, ' ')) FROM (
        SELECT one, (row_number() OVER () - 1) / 100 AS part
        FROM (SELECT DISTINCT resident AS one FROM changed) AS each WHERE length(one) <= 70
    ) AS parts GROUP BY part;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(SUBSCRIPTIONS)
    op.execute(ANNOUNCE)
    for event, rows, word in (("INSERT", "NEW", "new"), ("UPDATE", "NEW", "read"), ("DELETE", "OLD", "deleted")):
        op.execute(
            f"CREATE TRIGGER announce_{event.lower()} AFTER {event} ON inbox "
            f"REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_inbox('{word}')"
        )
