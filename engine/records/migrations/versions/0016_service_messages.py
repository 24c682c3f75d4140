"""Messages that a service of the city asks for, one a resident, on a legal basis of its own."""

from alembic import op

revision = "0016"
down_revision = "0015"

MESSAGES = """
CREATE TABLE service_messages (
    id text PRIMARY KEY,
    client text NOT NULL,
    key bytea NOT NULL,
    body bytea NOT NULL,
    campaign text NOT NULL,
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    content bytea,
    state text NOT NULL CHECK (state IN ('accepted', 'deferred', 'handed', 'sent', 'skipped', 'failed')),
    channel text,
    reason text,
    due timestamptz NOT NULL,
    tries smallint NOT NULL DEFAULT 0,
    reference text,
    holder text,
    accepted timestamptz NOT NULL,
    time timestamptz NOT NULL,
    UNIQUE (client, key)
);
CREATE INDEX service_messages_due ON service_messages (due) WHERE state IN ('accepted', 'deferred');
CREATE INDEX service_messages_open ON service_messages (time) WHERE state = 'handed';
CREATE INDEX service_messages_campaign ON service_messages (campaign);
CREATE INDEX service_messages_resident ON service_messages (resident);
CREATE INDEX service_messages_reference ON service_messages (reference) WHERE reference IS NOT NULL;
COMMENT ON TABLE service_messages IS 'One message to one resident that a client asked for, and what became of it';
COMMENT ON COLUMN service_messages.key IS 'A digest of the key under which the client asked: the same key, one message';
COMMENT ON COLUMN service_messages.body IS 'A keyed digest of what was asked, to tell another body under the same key';
COMMENT ON COLUMN service_messages.content IS 'What it is filled in with, encrypted; nothing once it is over';
"""


def upgrade() -> None:
    op.execute(MESSAGES)
