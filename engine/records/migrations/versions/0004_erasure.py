"""Erasures: a resident goes, the chain stays. And a grant of a newer notice goes on where the older one began."""

from alembic import op

revision = "0004"
down_revision = "0003"

ERASURES = """
CREATE TABLE erasures (
    resident text PRIMARY KEY,
    time timestamptz NOT NULL,
    seq bigint NOT NULL,
    done boolean NOT NULL DEFAULT false
);
CREATE INDEX erasures_seq ON erasures (seq);
CREATE INDEX erasures_open ON erasures (seq) WHERE NOT done;
COMMENT ON TABLE erasures IS 'Pseudonyms that are nobody''s any more, so that nothing is ever recorded of them again';
COMMENT ON COLUMN erasures.seq IS 'The newest entry of the ledger when it was done';
COMMENT ON COLUMN erasures.done IS 'Whether the online state is gone, too';
"""

APPEND = """
CREATE OR REPLACE FUNCTION ledger_append(words jsonb) RETURNS SETOF consents LANGUAGE plpgsql AS $$
DECLARE
    everyone text[];
    word record;
    held consents;
    head ledger_head;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT array_agg(DISTINCT w->>'resident' ORDER BY w->>'resident') INTO everyone FROM jsonb_array_elements(words) w;
    PERFORM pg_advisory_xact_lock(hashtextextended(one, 1)) FROM unnest(everyone) one;
    PERFORM FROM consents WHERE resident = ANY(everyone) ORDER BY resident, purpose FOR UPDATE;
    SELECT * INTO STRICT head FROM ledger_head FOR UPDATE;
    FOR word IN
        SELECT * FROM ROWS FROM (jsonb_to_recordset(words) AS (
            resident text, purpose text, granted boolean, notice integer, "time" timestamptz)) WITH ORDINALITY
        ORDER BY ordinality
    LOOP
        SELECT * INTO held FROM consents c WHERE c.resident = word.resident AND c.purpose = word.purpose;
        CONTINUE WHEN held IS NOT NULL AND (held.granted, held.notice) = (word.granted, word.notice);
        CONTINUE WHEN EXISTS (SELECT FROM erasures e WHERE e.resident = word.resident);
        head.seq := head.seq + 1;
        head.hash := ledger_hash(
            head.hash, head.seq, word.resident, word.purpose, word.granted, word.notice, word.time);
        INSERT INTO ledger (seq, resident, purpose, granted, notice, time, hash)
        VALUES (head.seq, word.resident, word.purpose, word.granted, word.notice, word.time, head.hash);
        INSERT INTO consents (resident, purpose, granted, notice, since, seq)
        VALUES (word.resident, word.purpose, word.granted, word.notice, word.time, head.seq)
        ON CONFLICT (resident, purpose) DO UPDATE SET
            granted = excluded.granted, notice = excluded.notice, seq = excluded.seq,
            since = CASE WHEN excluded.granted AND consents.granted THEN consents.since
                ELSE greatest(excluded.since, consents.since) END;
        IF NOT word.granted THEN
            INSERT INTO forgettings (resident, purpose, requested, seq)
            VALUES (word.resident, word.purpose, word.time, head.seq);
        END IF;
    END LOOP;
    UPDATE ledger_head SET seq = head.seq, hash = head.hash WHERE seq <> head.seq;
    RETURN QUERY SELECT * FROM consents WHERE resident = ANY(everyone);
END $$;
"""

# Locks are taken in the order of `ledger_append`. Whoever writes a resident's rows holds that resident's row of
# `consents` meanwhile: it is waited for, its rows go too, and who comes after finds no consent.
ERASE = """
CREATE FUNCTION resident_erase(who uuid, at timestamptz) RETURNS SETOF erasures LANGUAGE plpgsql AS $$
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
    op.execute(ERASURES)
    op.execute(APPEND)
    op.execute(ERASE)
