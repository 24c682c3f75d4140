"""Which links of messages were followed, by whom that may be known."""

from alembic import op

revision = "0017"
down_revision = "0016"

FOLLOWS = """
CREATE TABLE follows (
    run text NOT NULL,
    resident text NOT NULL,
    link text NOT NULL,
    time timestamptz NOT NULL,
    PRIMARY KEY (run, resident, link),
    FOREIGN KEY (run, resident) REFERENCES deliveries ON DELETE CASCADE
);
CREATE INDEX follows_resident ON follows (resident);
COMMENT ON TABLE follows IS 'Links of a message that its reader followed, by leave of measurement; once each';
"""


def upgrade() -> None:
    op.execute(FOLLOWS)
