"""The ledger as a chain: each entry carries the hash of the one before, and one row holds the newest."""

from alembic import op

revision = "0003"
down_revision = "0002"

# The canonical form is JSON text, which `engine.chain` writes to the letter: [seq, resident, purpose, granted, notice,
# microseconds since 1970].
HASH = """
CREATE FUNCTION ledger_hash(
    previous bytea, number bigint, who text, what text, yes boolean, wording integer, at timestamptz
) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(previous || convert_to(jsonb_build_array(
        number, who, what, yes, wording, (extract(epoch FROM at) * 1000000)::bigint)::text, 'UTF8'))
$$;
"""

CHAIN = """
ALTER TABLE ledger ALTER COLUMN seq DROP IDENTITY;
ALTER TABLE ledger ADD COLUMN hash bytea;

CREATE TABLE ledger_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    seq bigint NOT NULL,
    hash bytea NOT NULL
) WITH (fillfactor = 10);
COMMENT ON TABLE ledger_head IS 'The newest entry of the ledger, written in the same transaction';

ALTER TABLE ledger DISABLE TRIGGER ledger_append_only;
DO $$
DECLARE
    entry ledger;
    number bigint := 0;
    newest bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR entry IN SELECT * FROM ledger ORDER BY seq LOOP
        number := entry.seq;
        newest := ledger_hash(
            newest, entry.seq, entry.resident, entry.purpose, entry.granted, entry.notice, entry.time);
        UPDATE ledger SET hash = newest WHERE seq = number;
    END LOOP;
    INSERT INTO ledger_head (seq, hash) VALUES (number, newest);
END $$;
ALTER TABLE ledger ENABLE TRIGGER ledger_append_only;
ALTER TABLE ledger ALTER COLUMN hash SET NOT NULL;
CREATE TRIGGER ledger_kept BEFORE TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# One call is one transaction. The head is locked last and for no longer than a few short statements, and the commit
# leaves writing to disk to the caller (`engine.records.scribe`): so processes queue for microseconds, not for the disk.
# A resident's own lock comes first: two tabs at once end in one order everywhere. All take locks in the same order.
APPEND = """
CREATE FUNCTION ledger_append(words jsonb) RETURNS SETOF consents LANGUAGE plpgsql AS $$
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
        head.seq := head.seq + 1;
        head.hash := ledger_hash(
            head.hash, head.seq, word.resident, word.purpose, word.granted, word.notice, word.time);
        INSERT INTO ledger (seq, resident, purpose, granted, notice, time, hash)
        VALUES (head.seq, word.resident, word.purpose, word.granted, word.notice, word.time, head.hash);
        INSERT INTO consents (resident, purpose, granted, notice, since, seq)
        VALUES (word.resident, word.purpose, word.granted, word.notice, word.time, head.seq)
        ON CONFLICT (resident, purpose) DO UPDATE SET
            granted = excluded.granted, notice = excluded.notice, seq = excluded.seq,
            since = greatest(excluded.since, consents.since);
        IF NOT word.granted THEN
            INSERT INTO forgettings (resident, purpose, requested, seq)
            VALUES (word.resident, word.purpose, word.time, head.seq);
        END IF;
    END LOOP;
    UPDATE ledger_head SET seq = head.seq, hash = head.hash WHERE seq <> head.seq;
    RETURN QUERY SELECT * FROM consents WHERE resident = ANY(everyone);
END $$;
"""


def upgrade() -> None:
    op.execute(HASH)
    op.execute(CHAIN)
    op.execute(APPEND)
