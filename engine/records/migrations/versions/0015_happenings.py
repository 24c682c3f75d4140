"""What happens and is spoken of: an outbox written with what it is about, and which campaigns listen."""

from alembic import op

revision = "0015"
down_revision = "0014"

TABLES = """
CREATE TABLE listeners (
    kind text NOT NULL,
    campaign text NOT NULL,
    delay interval NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (kind, campaign)
);
COMMENT ON TABLE listeners IS 'Which running campaigns speak of what; while there are none, nothing is noted';

CREATE TABLE happenings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (length(kind) <= 100),
    source text NOT NULL CHECK (length(source) <= 500),
    offers text[] NOT NULL,
    named boolean NOT NULL,
    time timestamptz NOT NULL,
    open boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX happenings_once ON happenings (kind, source) WHERE open;
CREATE INDEX happenings_time ON happenings (time);
COMMENT ON TABLE happenings IS 'What has happened, once each by kind and source; swept after nine days';
COMMENT ON COLUMN happenings.named IS 'Whether it is about the residents that are named to it, be they none';
COMMENT ON COLUMN happenings.open IS 'Of acts: whether those who do the same still join it';

CREATE TABLE happening_residents (
    happening bigint NOT NULL REFERENCES happenings ON DELETE CASCADE,
    resident text NOT NULL REFERENCES residents (pseudonym) ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('activity', 'marketing')),
    time timestamptz NOT NULL,
    PRIMARY KEY (happening, resident)
);
CREATE INDEX happening_residents_resident ON happening_residents (resident);
COMMENT ON TABLE happening_residents IS 'To whom it happened, while they allow it: what they did, or any message';

CREATE TABLE reactions (
    campaign text NOT NULL,
    happening bigint NOT NULL REFERENCES happenings ON DELETE CASCADE,
    due timestamptz NOT NULL,
    PRIMARY KEY (campaign, happening)
);
CREATE INDEX reactions_happening ON reactions (happening);
CREATE INDEX reactions_due ON reactions (campaign, due);
COMMENT ON TABLE reactions IS 'Which campaigns have yet to speak of what, and from when on they may';
"""

# Called by whoever writes what happens, in the same transaction. What is known already is passed over.
HAPPEN = """
CREATE FUNCTION happen(rows jsonb) RETURNS TABLE (id bigint, kind text, source text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    fresh bigint[];
BEGIN
    WITH noted AS (
        INSERT INTO happenings (kind, source, offers, named, time)
        SELECT DISTINCT ON (h.kind, h.source) h.kind, h.source, h.offers, h.named, h.time
        FROM jsonb_to_recordset(rows) AS h(kind text, source text, offers text[], named boolean, "time" timestamptz)
        ORDER BY h.kind, h.source
        ON CONFLICT (kind, source) WHERE open DO NOTHING RETURNING id
    )
    SELECT array_agg(noted.id) INTO fresh FROM noted;
    IF fresh IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO reactions (campaign, happening, due)
    SELECT l.campaign, h.id, h.time + l.delay
    FROM happenings h JOIN listeners l ON l.kind = h.kind AND l.since <= h.time
    WHERE h.id = ANY(fresh);
    IF FOUND THEN
        PERFORM pg_notify('happenings', '');
    END IF;
    RETURN QUERY SELECT h.id, h.kind, h.source FROM happenings h WHERE h.id = ANY(fresh);
END $$;
"""

# Who did the same with the same offer in the same minute shares one happening, which is closed when it is spoken of:
# the lock on its row keeps anybody from joining it unheard, and who comes later begins another. Within a day nobody
# is noted twice.
ACTS = """
CREATE FUNCTION happen_acts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (SELECT FROM listeners WHERE starts_with(kind, 'journal_event:')) THEN
        RETURN NULL;
    END IF;
    WITH act AS (
        SELECT DISTINCT ON (c.type, c.offer, c.resident) 'journal_event:' || c.type AS kind, c.offer, c.resident,
            c.accepted AS "time",
            c.offer || to_char(c.accepted AT TIME ZONE 'UTC', '@YYYYMMDD"T"HH24MI') AS source
        FROM done c JOIN residents r ON r.pseudonym = c.resident
        WHERE EXISTS (
            SELECT FROM listeners l WHERE l.kind = 'journal_event:' || c.type AND l.since <= c.accepted
        ) AND NOT EXISTS (
            SELECT FROM happening_residents o JOIN happenings h ON h.id = o.happening
            WHERE o.resident = c.resident AND h.kind = 'journal_event:' || c.type AND c.offer = ANY(h.offers)
                AND o.time > c.accepted - interval '1 day'
        )
        ORDER BY c.type, c.offer, c.resident, c.accepted
    ), told AS (
        SELECT kind, source, min(offer) AS offer, min("time") AS first, max("time") AS last FROM act GROUP BY 1, 2
    ), noted AS (
        INSERT INTO happenings AS h (kind, source, offers, named, time)
        SELECT kind, source, ARRAY[offer], true, first FROM told ORDER BY kind, source
        ON CONFLICT (kind, source) WHERE open DO UPDATE SET open = true
        RETURNING h.id, h.kind, h.source, h.time
    ), whom AS (
        INSERT INTO happening_residents (happening, resident, purpose, time)
        SELECT n.id, a.resident, 'activity', a.time FROM noted n JOIN act a USING (kind, source)
        ORDER BY n.id, a.resident ON CONFLICT DO NOTHING
    )
    INSERT INTO reactions (campaign, happening, due)
    SELECT l.campaign, n.id, n.time + greatest(l.delay, interval '1 minute')
    FROM noted n JOIN told t USING (kind, source) JOIN listeners l ON l.kind = n.kind AND l.since <= t.last
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER happen_acts AFTER INSERT ON journal
    REFERENCING NEW TABLE AS done FOR EACH STATEMENT EXECUTE FUNCTION happen_acts();
"""

# To be told at once of an offer, those who saved it must be found without reading everybody's year.
INDEXES = """
CREATE INDEX journal_wanted ON journal (offer, resident) WHERE type IN ('save', 'register');
CREATE FUNCTION moment(written text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT written::timestamptz $$;
CREATE INDEX offers_enrolment ON offers (moment(content->>'enrolment_opens'))
    WHERE NOT deleted AND content->>'enrolment_opens' IS NOT NULL;
CREATE INDEX offers_starts ON offers (starts) WHERE NOT deleted;
CREATE INDEX dependants_born ON dependants (born);
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(HAPPEN)
    op.execute(ACTS)
    op.execute(INDEXES)
