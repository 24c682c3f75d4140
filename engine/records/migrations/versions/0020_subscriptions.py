"""Browsers that take push messages; and notices of whose there are others."""

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


def upgrade() -> None:
    op.execute(SUBSCRIPTIONS)
    for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER announce_{event.lower()} AFTER {event} ON push_subscriptions "
            f"REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_changed()"
        )
