"""The spine: residents, consents and their ledger, journal, impressions, offers, forgetting."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE residents (
    person uuid PRIMARY KEY,
    pseudonym text NOT NULL UNIQUE
);
COMMENT ON TABLE residents IS 'The only link between a person and a pseudonym';

CREATE TABLE interests (
    resident text PRIMARY KEY,
    content jsonb NOT NULL,
    updated timestamptz NOT NULL
);

CREATE TABLE ledger (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resident text NOT NULL,
    purpose text NOT NULL,
    granted boolean NOT NULL,
    notice integer NOT NULL,
    time timestamptz NOT NULL
);
CREATE INDEX ledger_resident ON ledger (resident, seq);
COMMENT ON TABLE ledger IS 'Append-only: what each resident decided, in order';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE consents (
    resident text NOT NULL,
    purpose text NOT NULL,
    granted boolean NOT NULL,
    notice integer NOT NULL,
    since timestamptz NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (resident, purpose)
);
COMMENT ON TABLE consents IS 'The latest word of each resident on each purpose; derived from the ledger';

CREATE TABLE forgettings (
    resident text NOT NULL,
    purpose text NOT NULL,
    requested timestamptz NOT NULL,
    done timestamptz,
    seq bigint PRIMARY KEY
);
CREATE INDEX forgettings_open ON forgettings (requested) WHERE done IS NULL;

CREATE TABLE journal_ids (
    resident text NOT NULL,
    id text NOT NULL,
    accepted timestamptz NOT NULL,
    PRIMARY KEY (resident, id)
);
CREATE INDEX journal_ids_accepted ON journal_ids USING brin (accepted);
COMMENT ON TABLE journal_ids IS 'Event ids that count once; swept when events that old are refused anyway';

CREATE TABLE journal (
    resident text NOT NULL,
    id text NOT NULL,
    offer text NOT NULL,
    type text NOT NULL,
    time timestamptz NOT NULL,
    accepted timestamptz NOT NULL,
    value smallint,
    suggestion text,
    context jsonb
) PARTITION BY RANGE (time);
CREATE INDEX journal_resident ON journal (resident, time);
CREATE INDEX journal_time ON journal USING brin (time);
CREATE TABLE journal_rest PARTITION OF journal DEFAULT;
COMMENT ON TABLE journal IS 'What residents who allowed it did: one row an event, a partition a month';

CREATE TABLE impressions (
    suggestion text PRIMARY KEY,
    resident text NOT NULL,
    time timestamptz NOT NULL,
    basis text NOT NULL,
    offers text[] NOT NULL
);
CREATE INDEX impressions_resident ON impressions (resident);

CREATE TABLE offers (
    id text PRIMARY KEY,
    source text NOT NULL,
    kind text NOT NULL,
    starts timestamptz,
    ends timestamptz,
    live_until timestamptz,
    place text,
    district text,
    lat double precision,
    lon double precision,
    free boolean,
    search text NOT NULL,
    content jsonb NOT NULL,
    deleted boolean NOT NULL DEFAULT false,
    changed timestamptz NOT NULL,
    version bigint NOT NULL
);
CREATE SEQUENCE offer_versions;
CREATE INDEX offers_version ON offers (version);
CREATE INDEX offers_live ON offers (live_until) WHERE NOT deleted;
CREATE INDEX offers_place ON offers (place, starts);

CREATE TABLE popularity (
    offer text PRIMARY KEY,
    score real NOT NULL,
    residents integer NOT NULL
);
COMMENT ON TABLE popularity IS 'Decayed interest per offer, recomputed from the journal';
"""

SEARCH = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX offers_search ON offers USING gin (search gin_trgm_ops);
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(SEARCH)
