"""Partners whom residents grant, who saw what of whom, and sessions that ended before their tokens do."""

from alembic import op

revision = "0005"
down_revision = "0004"

PARTNERS = """
CREATE TABLE partners (
    id text PRIMARY KEY,
    content jsonb NOT NULL,
    key_hash bytea NOT NULL UNIQUE,
    registered timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    ended timestamptz
);
COMMENT ON TABLE partners IS 'Third parties that residents may grant access; content is name, purpose and fields';
COMMENT ON COLUMN partners.key_hash IS 'SHA-256 of the key, which is random and kept nowhere';

CREATE TABLE partner_handles (
    partner text NOT NULL,
    resident text NOT NULL,
    handle text NOT NULL UNIQUE,
    PRIMARY KEY (partner, resident)
);
CREATE INDEX partner_handles_resident ON partner_handles (resident);
COMMENT ON TABLE partner_handles IS 'By what a partner knows a resident who grants it: random, and its own for each';
"""

# A handle lives exactly as long as the latest word on its partner is a grant, whoever writes that word: the ledger, or
# an erasure. So the one who is granted anew is somebody new to the partner.
HANDLES = """
CREATE FUNCTION keep_handle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND NEW.granted THEN
        INSERT INTO partner_handles (partner, resident, handle) VALUES (
            substr(NEW.purpose, 9), NEW.resident,
            left(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 32))
        ON CONFLICT (partner, resident) DO NOTHING;
    ELSE
        DELETE FROM partner_handles WHERE partner = substr(OLD.purpose, 9) AND resident = OLD.resident;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER partner_granted AFTER INSERT ON consents
    FOR EACH ROW WHEN (NEW.granted AND NEW.purpose LIKE 'partner:%') EXECUTE FUNCTION keep_handle();
CREATE TRIGGER partner_decided AFTER UPDATE ON consents
    FOR EACH ROW WHEN (NEW.purpose LIKE 'partner:%') EXECUTE FUNCTION keep_handle();
CREATE TRIGGER partner_gone AFTER DELETE ON consents
    FOR EACH ROW WHEN (OLD.purpose LIKE 'partner:%') EXECUTE FUNCTION keep_handle();
"""

ACCESSES = """
CREATE TABLE accesses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resident text NOT NULL,
    time timestamptz NOT NULL,
    who text NOT NULL CHECK (length(who) <= 200),
    capacity text NOT NULL CHECK (capacity IN ('staff', 'service', 'partner')),
    purpose text NOT NULL CHECK (length(purpose) <= 100),
    what text NOT NULL CHECK (length(what) <= 100),
    fields text[] NOT NULL
);
CREATE INDEX accesses_resident ON accesses (resident, id);
CREATE INDEX accesses_time ON accesses USING brin (time);
COMMENT ON TABLE accesses IS 'Who but the resident saw what of a resident, and what for; kept for two years';
"""

LOGOUTS = """
CREATE TABLE logouts (
    token bytea PRIMARY KEY,
    marks bytea[] NOT NULL,
    issued timestamptz NOT NULL,
    received timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL
);
CREATE INDEX logouts_received ON logouts (received);
CREATE INDEX logouts_until ON logouts (until);
COMMENT ON TABLE logouts IS 'Sessions that ended, by keyed hashes that name nobody, until every token is over';
"""

ERASE = """
CREATE OR REPLACE FUNCTION resident_erase(who uuid, at timestamptz) RETURNS SETOF erasures LANGUAGE plpgsql AS $$
DECLARE
    known text;
    word consents;
    head ledger_head;
BEGIN
    SELECT pseudonym INTO known FROM residents WHERE person = who;
    IF known IS NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(known, 1));
    PERFORM FROM consents WHERE resident = known ORDER BY resident, purpose FOR UPDATE;
    PERFORM FROM forgettings WHERE resident = known ORDER BY seq FOR UPDATE;
    DELETE FROM residents WHERE person = who AND pseudonym = known;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    DELETE FROM journal WHERE resident = known;
    DELETE FROM journal_ids WHERE resident = known;
    DELETE FROM impressions WHERE resident = known;
    DELETE FROM interests WHERE resident = known;
    DELETE FROM forgettings WHERE resident = known;
    DELETE FROM partner_handles WHERE resident = known;
    DELETE FROM accesses WHERE resident = known;
    SELECT * INTO STRICT head FROM ledger_head FOR UPDATE;
    FOR word IN SELECT * FROM consents WHERE resident = known AND granted ORDER BY purpose LOOP
        head.seq := head.seq + 1;
        head.hash := ledger_hash(head.hash, head.seq, known, word.purpose, false, word.notice, at);
        INSERT INTO ledger (seq, resident, purpose, granted, notice, time, hash)
        VALUES (head.seq, known, word.purpose, false, word.notice, at, head.hash);
    END LOOP;
    UPDATE ledger_head SET seq = head.seq, hash = head.hash WHERE seq <> head.seq;
    DELETE FROM consents WHERE resident = known;
    PERFORM pg_notify('erasures', known);
    RETURN QUERY INSERT INTO erasures (resident, time, seq) VALUES (known, at, head.seq) RETURNING *;
END $$;
"""


def upgrade() -> None:
    op.execute(PARTNERS)
    op.execute(HANDLES)
    op.execute(ACCESSES)
    op.execute(LOGOUTS)
    op.execute(ERASE)
