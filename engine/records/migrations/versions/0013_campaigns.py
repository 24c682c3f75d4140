"""Campaigns, departments and programmes in their last version, and the trail of who did what with them."""

from alembic import op

revision = "0013"
down_revision = "0012"

DOCUMENTS = """
CREATE TABLE documents (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('campaign', 'department', 'programme')),
    id text NOT NULL CHECK (length(id) <= 64),
    version integer NOT NULL CHECK (version > 0),
    state text,
    department text,
    content text NOT NULL,
    changed timestamptz NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX documents_by_state ON documents (kind, state, seq);
COMMENT ON TABLE documents IS 'What the desk writes, each in its last version; nothing of residents';
COMMENT ON COLUMN documents.content IS 'JSON, letter by letter as its digest in the trail was made of it';
"""

# The hash is made in `campaigns.audit`.
TRAIL = """
CREATE TABLE trail (
    seq bigint PRIMARY KEY,
    time timestamptz NOT NULL,
    who text NOT NULL CHECK (length(who) <= 200),
    what text NOT NULL,
    subject text NOT NULL,
    version integer NOT NULL,
    content text NOT NULL,
    detail text NOT NULL,
    hash bytea NOT NULL
);
CREATE INDEX trail_by_subject ON trail (subject, seq);
COMMENT ON TABLE trail IS 'Who did what at the desk, append-only, each entry with the hash of the one before';
CREATE TRIGGER trail_append_only BEFORE UPDATE OR DELETE ON trail FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER trail_kept BEFORE TRUNCATE ON trail FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE trail_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    seq bigint NOT NULL,
    hash bytea NOT NULL
) WITH (fillfactor = 10);
INSERT INTO trail_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));
COMMENT ON TABLE trail_head IS 'The newest entry of the trail, written in the same transaction';
"""


def upgrade() -> None:
    op.execute(DOCUMENTS)
    op.execute(TRAIL)
