"""Webhooks: their secrets, and what systems are to be told."""

from alembic import op

revision = "0018"
down_revision = "0017"

WEBHOOKS = """
ALTER TABLE documents DROP CONSTRAINT documents_kind_check;
ALTER TABLE documents ADD CONSTRAINT documents_kind_check
    CHECK (kind IN ('campaign', 'department', 'programme', 'webhook'));

CREATE TABLE webhook_secrets (
    name text PRIMARY KEY,
    sealed bytea NOT NULL
);
COMMENT ON TABLE webhook_secrets IS 'What webhooks are signed with, encrypted under a key kept elsewhere';

CREATE TABLE webhook_events (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    id text PRIMARY KEY,
    webhook text NOT NULL,
    body text NOT NULL,
    since timestamptz NOT NULL,
    due timestamptz,
    tries integer NOT NULL DEFAULT 0,
    told boolean NOT NULL DEFAULT false,
    reason text
);
CREATE INDEX webhook_events_waiting ON webhook_events (webhook, seq) WHERE due IS NOT NULL;
CREATE INDEX webhook_events_of ON webhook_events (webhook, seq);
COMMENT ON TABLE webhook_events IS 'What systems of the city are told of campaigns; nothing of residents';
COMMENT ON COLUMN webhook_events.due IS 'When it is tried next; null once it is told, or given up';
"""


def upgrade() -> None:
    op.execute(WEBHOOKS)
