"""Runs of campaigns, what became of each message, the inbox, and addresses that refused for good."""

from alembic import op

revision = "0014"
down_revision = "0013"

RUNS = """
CREATE TABLE runs (
    id text PRIMARY KEY,
    campaign text NOT NULL,
    content jsonb NOT NULL,
    priority smallint NOT NULL,
    planned timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'paused', 'cancelled', 'finished')),
    expanded boolean NOT NULL DEFAULT false,
    expander text,
    held timestamptz
);
CREATE INDEX runs_campaign ON runs (campaign, planned);
CREATE INDEX runs_open ON runs (planned) WHERE state IN ('running', 'paused');
COMMENT ON TABLE runs IS 'One time that a campaign is sent; content is the plan, nothing of a person';
COMMENT ON COLUMN runs.expander IS 'Which life of a worker expands it, while it says so again and again: held';

CREATE TABLE run_chunks (
    run text NOT NULL REFERENCES runs ON DELETE CASCADE,
    number integer NOT NULL,
    people integer NOT NULL DEFAULT 0,
    mark bytea NOT NULL DEFAULT '',
    handled boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run, number)
);
COMMENT ON TABLE run_chunks IS 'Messages that a run has put on its topic, and whether all in them is decided';
COMMENT ON COLUMN run_chunks.mark IS 'A digest of its last resident, made with the run, to go on from; empty: none';

CREATE TABLE run_left_out (
    run text NOT NULL,
    number integer NOT NULL,
    reason text NOT NULL,
    count integer NOT NULL,
    PRIMARY KEY (run, number, reason),
    FOREIGN KEY (run, number) REFERENCES run_chunks ON DELETE CASCADE
);
COMMENT ON TABLE run_left_out IS 'How many of a chunk were not spoken to, by reason; never who';
"""

# Every row hangs on a link of `residents`, as in 0007: an erasure takes it along, and none can be written afterwards.
DELIVERIES = """
CREATE TABLE deliveries (
    run text NOT NULL REFERENCES runs ON DELETE CASCADE,
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    purpose text NOT NULL,
    channel text NOT NULL,
    department text NOT NULL,
    week date NOT NULL,
    state text NOT NULL CHECK (state IN ('claimed', 'handed', 'sent', 'deferred', 'skipped', 'failed')),
    reason text,
    due timestamptz,
    tries smallint NOT NULL DEFAULT 0,
    message text NOT NULL,
    reference text,
    holder text NOT NULL,
    time timestamptz NOT NULL,
    PRIMARY KEY (run, resident)
);
CREATE INDEX deliveries_resident ON deliveries (resident, channel, week);
CREATE INDEX deliveries_message ON deliveries (message);
CREATE INDEX deliveries_due ON deliveries (due) WHERE state = 'deferred';
CREATE INDEX deliveries_open ON deliveries (time) WHERE state IN ('claimed', 'handed');
CREATE INDEX deliveries_time ON deliveries USING brin (time);
COMMENT ON TABLE deliveries IS 'What became of each message: one row a run and resident, claimed before it is sent';
COMMENT ON COLUMN deliveries.message IS 'What its Message-ID is made of, the same however often it is tried';
COMMENT ON COLUMN deliveries.holder IS 'Which life of a worker may send it; one that was thought dead finds nothing';

CREATE TABLE inbox (
    id text PRIMARY KEY,
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    purpose text NOT NULL,
    content jsonb NOT NULL,
    time timestamptz NOT NULL,
    read timestamptz
);
CREATE INDEX inbox_resident ON inbox (resident, time);
CREATE INDEX inbox_time ON inbox USING brin (time);
COMMENT ON TABLE inbox IS 'Messages that wait in the service until they are deleted, or the leave is withdrawn';

CREATE TABLE suppressions (
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    channel text NOT NULL,
    mark bytea NOT NULL,
    reason text NOT NULL,
    time timestamptz NOT NULL,
    PRIMARY KEY (resident, channel)
);
COMMENT ON TABLE suppressions IS 'Addresses, by a keyed digest, that refused for good, or whose owner complained';
"""


def upgrade() -> None:
    op.execute(RUNS)
    op.execute(DELIVERIES)
