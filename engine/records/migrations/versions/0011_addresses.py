"""Where residents get messages: sealed addresses, what waits for a code, and how many codes were sent."""

from alembic import op

revision = "0011"
down_revision = "0010"

ADDRESSES = """
CREATE TABLE addresses (
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    means text NOT NULL CHECK (means IN ('email', 'sms')),
    sealed bytea NOT NULL,
    confirmed timestamptz NOT NULL,
    PRIMARY KEY (resident, means)
);
COMMENT ON TABLE addresses IS 'Confirmed addresses, encrypted with a key that is kept outside; gone with the link';

CREATE TABLE address_claims (
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    means text NOT NULL CHECK (means IN ('email', 'sms')),
    sealed bytea NOT NULL,
    code bytea NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    sent timestamptz NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (resident, means)
);
CREATE INDEX address_claims_until ON address_claims (until);
COMMENT ON TABLE address_claims IS 'Addresses that wait for their code; the code lies here as a keyed hash';

CREATE TABLE address_sends (
    digest bytea NOT NULL,
    resident text REFERENCES residents (pseudonym) ON DELETE SET NULL,
    time timestamptz NOT NULL
);
CREATE INDEX address_sends_digest ON address_sends (digest, time);
CREATE INDEX address_sends_resident ON address_sends (resident, time);
CREATE INDEX address_sends_time ON address_sends (time);
COMMENT ON TABLE address_sends IS 'Codes sent within a day, to keyed hashes of addresses, for limits alone';
"""


def upgrade() -> None:
    op.execute(ADDRESSES)
