"""Families and helpers: who acts for whom, each guardian's own word, and the age rule in SQL. Invitations by year."""

from alembic import op

revision = "0007"
down_revision = "0006"

# As in `engine.ages`: a birthday begins at 00:00 in Helsinki, and that of 29 February is 1 March in other years.
AGES = """
CREATE FUNCTION birthday(born date, age integer) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT (day + CASE WHEN extract(day FROM day) = extract(day FROM born) THEN 0 ELSE 1 END)::timestamp
        AT TIME ZONE 'Europe/Helsinki'
    FROM (SELECT (born + make_interval(years => age))::date) AS found(day)
$$;
CREATE FUNCTION outgrown(born date, since timestamptz, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN birthday(born, 18) > since AND birthday(born, 18) <= at THEN birthday(born, 18)
        WHEN birthday(born, 13) > since AND birthday(born, 13) <= at THEN birthday(born, 13)
    END
$$;
"""

# Every row hangs on a link of `residents`: an erasure takes it along, and nothing can be written of an erased one.
TABLES = """
CREATE TABLE dependants (
    resident text PRIMARY KEY REFERENCES residents (pseudonym) ON DELETE CASCADE,
    born date NOT NULL,
    grown smallint NOT NULL,
    told boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN dependants.grown IS 'The birthday, 0, 13 or 18, of which all is done. No clock undoes it';
COMMENT ON COLUMN dependants.told IS 'Whether the online flags know the birth date';
CREATE INDEX dependants_untold ON dependants (resident) WHERE NOT told;
CREATE INDEX dependants_13 ON dependants (birthday(born, 13)) WHERE grown < 13;
CREATE INDEX dependants_18 ON dependants (birthday(born, 18)) WHERE grown < 18;

CREATE TABLE guardians (
    guardian text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    dependant text NOT NULL REFERENCES dependants ON DELETE CASCADE,
    since timestamptz NOT NULL,
    PRIMARY KEY (guardian, dependant)
);
CREATE INDEX guardians_dependant ON guardians (dependant);

CREATE TABLE guardian_choices (
    guardian text NOT NULL,
    dependant text NOT NULL,
    purpose text NOT NULL,
    granted boolean NOT NULL,
    notice integer NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (dependant, purpose, guardian),
    FOREIGN KEY (guardian, dependant) REFERENCES guardians ON DELETE CASCADE
);
CREATE INDEX guardian_choices_guardian ON guardian_choices (guardian, dependant);
COMMENT ON TABLE guardian_choices IS 'Each guardian''s own word; what they come to is in the ledger';

CREATE TABLE guardian_codes (
    digest bytea PRIMARY KEY,
    guardian text NOT NULL,
    dependant text NOT NULL,
    until timestamptz NOT NULL,
    FOREIGN KEY (guardian, dependant) REFERENCES guardians ON DELETE CASCADE
);
CREATE INDEX guardian_codes_guardian ON guardian_codes (guardian, dependant);
COMMENT ON TABLE guardian_codes IS 'SHA-256 of codes that make one more guardian, once';

CREATE TABLE helpers (
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    helper text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    actions text[] NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (resident, helper)
);
CREATE INDEX helpers_helper ON helpers (helper);
CREATE INDEX helpers_until ON helpers (until);

CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    birth_year smallint NOT NULL,
    content jsonb NOT NULL,
    created timestamptz NOT NULL,
    until timestamptz NOT NULL
);
CREATE INDEX invitations_birth_year ON invitations (birth_year, until);
COMMENT ON TABLE invitations IS 'To a birth year''s guardians: read by them, pushed to nobody';
"""

# As in 0004, and: a word on a dependant brings the end of what was outgrown, but for choices, as of that birthday; a
# guardian's word is kept, and what goes on, whoever said it, is a grant only if no guardian said no. A choice protects,
# so it is on if one guardian has it on; a pause that has ended by itself (`engine.choices`) is nobody's any more.
# Guardians are locked before the head, since an erasure of one holds them when it comes to the head.
APPEND = """
CREATE OR REPLACE FUNCTION ledger_append(words jsonb) RETURNS SETOF consents LANGUAGE plpgsql AS $$
DECLARE
    everyone text[];
    word record;
    held consents;
    head ledger_head;
    choice boolean;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT array_agg(DISTINCT w->>'resident' ORDER BY w->>'resident') INTO everyone FROM jsonb_array_elements(words) w;
    PERFORM pg_advisory_xact_lock(hashtextextended(one, 1)) FROM unnest(everyone) one;
    PERFORM FROM consents WHERE resident = ANY(everyone) ORDER BY resident, purpose FOR UPDATE;
    PERFORM FROM guardians WHERE dependant = ANY(everyone) ORDER BY guardian, dependant FOR KEY SHARE;
    SELECT * INTO STRICT head FROM ledger_head FOR UPDATE;
    FOR word IN
        SELECT c.resident, c.purpose, false AS granted, c.notice, outgrown(d.born, c.since, said.at) AS "time",
            NULL AS guardian, 0 AS ordinality
        FROM dependants d
        JOIN consents c ON c.resident = d.resident AND c.granted
            AND c.purpose <> 'pause' AND NOT starts_with(c.purpose, 'without_')
        JOIN (SELECT w->>'resident' AS resident, max((w->>'time')::timestamptz) AS at
            FROM jsonb_array_elements(words) w GROUP BY 1) said ON said.resident = d.resident
        WHERE d.resident = ANY(everyone) AND outgrown(d.born, c.since, said.at) IS NOT NULL
        UNION ALL
        SELECT * FROM ROWS FROM (jsonb_to_recordset(words) AS (
            resident text, purpose text, granted boolean, notice integer, "time" timestamptz, guardian text
        )) WITH ORDINALITY
        ORDER BY ordinality
    LOOP
        choice := word.purpose = 'pause' OR starts_with(word.purpose, 'without_');
        SELECT * INTO held FROM consents c WHERE c.resident = word.resident AND c.purpose = word.purpose;
        IF word.guardian IS NOT NULL THEN
            CONTINUE WHEN NOT EXISTS (
                SELECT FROM guardians g JOIN dependants d ON d.resident = g.dependant
                WHERE g.guardian = word.guardian AND g.dependant = word.resident
                    AND d.grown < 13 AND birthday(d.born, 13) > word.time);
            INSERT INTO guardian_choices (guardian, dependant, purpose, granted, notice, since)
            VALUES (word.guardian, word.resident, word.purpose, word.granted, word.notice, word.time)
            ON CONFLICT (dependant, purpose, guardian) DO UPDATE SET
                granted = excluded.granted, notice = excluded.notice, since = excluded.since;
        ELSIF word.granted <> choice THEN
            CONTINUE WHEN EXISTS (
                SELECT FROM dependants d
                WHERE d.resident = word.resident AND d.grown < 13 AND birthday(d.born, 13) > word.time);
        END IF;
        IF word.granted <> choice AND EXISTS (
            SELECT FROM guardian_choices c JOIN dependants d ON d.resident = c.dependant
            WHERE c.dependant = word.resident AND c.purpose = word.purpose AND c.granted = choice
                AND outgrown(d.born, c.since, word.time) IS NULL
                AND (c.purpose <> 'pause' OR least(c.since, held.since) > word.time - interval '30 days'))
        THEN
            word.granted := choice;
        END IF;
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

# As in 0005, of a resident and of the children under 13 who would have no guardian left. All of them are locked before
# the head, each kind in one order: residents, dependants, then as `ledger_append` does.
ERASE = """
CREATE OR REPLACE FUNCTION resident_erase(who uuid, at timestamptz) RETURNS SETOF erasures LANGUAGE plpgsql AS $$
DECLARE
    known text;
    everyone text[];
    word consents;
    head ledger_head;
BEGIN
    SELECT pseudonym INTO known FROM residents WHERE person = who;
    PERFORM FROM residents
    WHERE pseudonym = known OR pseudonym IN (SELECT dependant FROM guardians WHERE guardian = known)
    ORDER BY pseudonym FOR UPDATE;
    IF NOT EXISTS (SELECT FROM residents WHERE person = who AND pseudonym = known) THEN
        RETURN;
    END IF;
    PERFORM FROM dependants
    WHERE resident = known OR resident IN (SELECT dependant FROM guardians WHERE guardian = known)
    ORDER BY resident FOR UPDATE;
    SELECT array_agg(one ORDER BY one) INTO everyone FROM (
        SELECT known
        UNION
        SELECT d.resident FROM guardians g JOIN dependants d ON d.resident = g.dependant
        WHERE g.guardian = known AND d.grown < 13 AND birthday(d.born, 13) > at AND NOT EXISTS (
            SELECT FROM guardians other WHERE other.dependant = d.resident AND other.guardian <> known)
    ) AS gone(one);
    PERFORM pg_advisory_xact_lock(hashtextextended(one, 1)) FROM unnest(everyone) one;
    PERFORM FROM consents WHERE resident = ANY(everyone) ORDER BY resident, purpose FOR UPDATE;
    PERFORM FROM forgettings WHERE resident = ANY(everyone) ORDER BY resident, seq FOR UPDATE;
    PERFORM FROM guardians WHERE guardian = ANY(everyone) OR dependant = ANY(everyone)
    ORDER BY guardian, dependant FOR UPDATE;
    DELETE FROM residents WHERE pseudonym = ANY(everyone);
    DELETE FROM journal WHERE resident = ANY(everyone);
    DELETE FROM journal_ids WHERE resident = ANY(everyone);
    DELETE FROM impressions WHERE resident = ANY(everyone);
    DELETE FROM interests WHERE resident = ANY(everyone);
    DELETE FROM forgettings WHERE resident = ANY(everyone);
    DELETE FROM partner_handles WHERE resident = ANY(everyone);
    DELETE FROM accesses WHERE resident = ANY(everyone);
    SELECT * INTO STRICT head FROM ledger_head FOR UPDATE;
    FOR word IN SELECT * FROM consents WHERE resident = ANY(everyone) AND granted ORDER BY resident, purpose LOOP
        head.seq := head.seq + 1;
        head.hash := ledger_hash(head.hash, head.seq, word.resident, word.purpose, false, word.notice, at);
        INSERT INTO ledger (seq, resident, purpose, granted, notice, time, hash)
        VALUES (head.seq, word.resident, word.purpose, false, word.notice, at, head.hash);
    END LOOP;
    UPDATE ledger_head SET seq = head.seq, hash = head.hash WHERE seq <> head.seq;
    DELETE FROM consents WHERE resident = ANY(everyone);
    PERFORM pg_notify('erasures', one) FROM unnest(everyone) one;
    RETURN QUERY INSERT INTO erasures (resident, time, seq)
        SELECT one, at, head.seq FROM unnest(everyone) one RETURNING *;
END $$;
"""


def upgrade() -> None:
    op.execute(AGES)
    op.execute(TABLES)
    op.execute(APPEND)
    op.execute(ERASE)
