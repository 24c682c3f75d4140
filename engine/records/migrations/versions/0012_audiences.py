"""Audiences in versions; and notices of whom something has changed, for those who hold an index of residents."""

from alembic import op

revision = "0012"
down_revision = "0011"

AUDIENCES = """
CREATE TABLE audiences (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL CHECK (length(id) <= 100),
    version integer NOT NULL CHECK (version > 0),
    department text NOT NULL CHECK (length(department) <= 100),
    content jsonb NOT NULL,
    author text NOT NULL CHECK (length(author) <= 200),
    time timestamptz NOT NULL,
    ended boolean NOT NULL,
    UNIQUE (id, version)
);
COMMENT ON TABLE audiences IS 'Definitions of audiences, every version; nobody is named in one';
"""

# A notice holds at most 8,000 bytes; of one statement's residents each is told once.
ANNOUNCE = """
CREATE FUNCTION announce_residents(everyone text[]) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('residents', string_agg(one, ' ')) FROM (
        SELECT one, (row_number() OVER () - 1) / 100 AS part
        FROM (SELECT DISTINCT unnest(everyone) AS one) AS each WHERE length(one) <= 70
    ) AS parts GROUP BY part
$$;
CREATE FUNCTION announce_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM announce_residents(array_agg(resident)) FROM changed;
    RETURN NULL;
END $$;
CREATE FUNCTION announce_guardians() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM announce_residents(array_agg(guardian)) FROM changed;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(AUDIENCES)
    op.execute(ANNOUNCE)
    for table in ("consents", "interests", "journal", "dependants", "guardians"):
        function = "announce_guardians" if table == "guardians" else "announce_changed"
        for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER announce_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )
