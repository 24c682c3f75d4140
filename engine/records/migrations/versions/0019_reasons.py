"""Lists of residents that departments hold; and notices of addresses, suppressions, lists and what came back."""

from alembic import op

revision = "0019"
down_revision = "0018"

# Every row hangs on a link of `residents`, as in 0007: an erasure takes it along, and none can be written afterwards.
LISTS = """
CREATE TABLE lists (
    id text PRIMARY KEY CHECK (length(id) <= 100),
    department text NOT NULL CHECK (length(department) <= 100),
    content jsonb NOT NULL,
    author text NOT NULL CHECK (length(author) <= 200),
    version integer NOT NULL CHECK (version > 0),
    created timestamptz NOT NULL,
    renewed timestamptz NOT NULL,
    until timestamptz NOT NULL CHECK (until <= renewed + interval '400 days'),
    imported date,
    imports smallint NOT NULL DEFAULT 0
);
CREATE INDEX lists_until ON lists (until);
COMMENT ON TABLE lists IS 'Lists of residents that departments hold: what for, and until when; nobody is named';
COMMENT ON COLUMN lists.imports IS 'How often ids were imported on the day that `imported` tells';

CREATE TABLE list_members (
    list text NOT NULL REFERENCES lists ON DELETE CASCADE,
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    added timestamptz NOT NULL,
    PRIMARY KEY (list, resident)
);
CREATE INDEX list_members_resident ON list_members (resident);
COMMENT ON TABLE list_members IS 'Who is on a list, by pseudonym; gone with the link, and with the list';
"""

SENT = "CREATE INDEX deliveries_sent ON deliveries (time) WHERE state = 'sent'"

# Of what comes back few rows tell: each by itself, where any other change of a delivery costs a comparison.
RETURNED = """
CREATE FUNCTION announce_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM announce_residents(ARRAY[NEW.resident]);
    RETURN NULL;
END $$;
CREATE TRIGGER announce_returned AFTER UPDATE ON deliveries FOR EACH ROW
    WHEN (OLD.state = 'sent' AND NEW.state <> 'sent') EXECUTE FUNCTION announce_one();
"""


def upgrade() -> None:
    for statements in (LISTS, SENT, RETURNED):
        op.execute(statements)
    for table in ("addresses", "suppressions", "list_members"):
        for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER announce_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_changed()"
            )
