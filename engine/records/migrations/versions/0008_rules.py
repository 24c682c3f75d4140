"""What the city sets beside the ranking: every version of every rule and floor, by whom, when and why."""

from alembic import op

revision = "0008"
down_revision = "0007"

RULES = """
CREATE TABLE rules (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('rule', 'floor')),
    id text NOT NULL CHECK (length(id) <= 100),
    version integer NOT NULL CHECK (version > 0),
    content jsonb NOT NULL,
    author text NOT NULL CHECK (length(author) <= 200),
    time timestamptz NOT NULL,
    ended boolean NOT NULL,
    UNIQUE (kind, id, version)
);
COMMENT ON TABLE rules IS 'Rules and floors of exposure; the last version of each is in force unless it is the end';
COMMENT ON COLUMN rules.author IS 'The official or service that wrote this version, as their token names them';
"""


def upgrade() -> None:
    op.execute(RULES)
