"""What the city sets beside the ranking, and how much offers are shown: every version of every rule; counts by day."""

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

EXPOSURES = """
CREATE TABLE exposures (
    day date NOT NULL,
    offer text NOT NULL,
    shows double precision NOT NULL,
    PRIMARY KEY (day, offer)
);
COMMENT ON TABLE exposures IS 'How much an offer was shown on a day, by place in lists; nothing of a person';

CREATE TABLE uptakes (
    offer text PRIMARY KEY,
    seats integer NOT NULL,
    pending double precision NOT NULL,
    settled double precision NOT NULL,
    taken double precision NOT NULL,
    at timestamptz NOT NULL
);
COMMENT ON TABLE uptakes IS 'Shows of offers with limited seats since those were told, and seats taken before';
"""


def upgrade() -> None:
    op.execute(RULES)
    op.execute(EXPOSURES)
