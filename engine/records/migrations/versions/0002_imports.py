"""Imports: runs, refusals, what the sources said, and how their records form offers."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE import_runs (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            system text NOT NULL,
            source text NOT NULL,
            mode text NOT NULL,
            started timestamptz NOT NULL,
            finished timestamptz,
            since timestamptz,
            page integer NOT NULL DEFAULT 0,
            counts jsonb NOT NULL
        );
        CREATE INDEX import_runs_source ON import_runs (source, id);
        COMMENT ON COLUMN import_runs.page IS 'The last page that is kept: an interrupted run goes on after it';

        CREATE TABLE import_refusals (
            seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            run bigint NOT NULL REFERENCES import_runs ON DELETE CASCADE,
            record text NOT NULL,
            code text NOT NULL,
            detail text NOT NULL
        );
        CREATE INDEX import_refusals_run ON import_refusals (run, seq);

        CREATE TABLE source_records (
            system text NOT NULL,
            id text NOT NULL,
            origin text NOT NULL,
            parent text,
            until timestamptz,
            content jsonb NOT NULL,
            first_run bigint NOT NULL,
            run bigint NOT NULL,
            stale boolean NOT NULL,
            grp text,
            PRIMARY KEY (system, id)
        );
        CREATE INDEX source_records_parent ON source_records (system, parent) WHERE parent IS NOT NULL;
        CREATE INDEX source_records_grp ON source_records (system, grp);
        CREATE INDEX source_records_stale ON source_records (system, id) WHERE stale;
        COMMENT ON TABLE source_records IS 'What each record of a source says, so that groups can be folded again';

        CREATE TABLE source_groups (
            system text NOT NULL,
            key text NOT NULL,
            offer text,
            dirty boolean NOT NULL,
            PRIMARY KEY (system, key)
        );
        CREATE INDEX source_groups_offer ON source_groups (system, offer);
        CREATE INDEX source_groups_dirty ON source_groups (system, key) WHERE dirty;
        COMMENT ON TABLE source_groups IS 'Records that are one offer, by the key they share';

        CREATE TABLE source_offers (
            system text NOT NULL,
            offer text NOT NULL,
            digest text NOT NULL,
            PRIMARY KEY (system, offer)
        );
        COMMENT ON TABLE source_offers IS 'What has been published, so that only changes are';

        CREATE TABLE source_references (
            system text NOT NULL,
            kind text NOT NULL,
            id text NOT NULL,
            content jsonb,
            PRIMARY KEY (system, kind, id)
        );
        COMMENT ON COLUMN source_references.content IS 'Null where the source says that it is gone';
    """)
