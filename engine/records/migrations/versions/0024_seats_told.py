"""How many seats of offers were left when: what is learned of scarcity must have been so at the moment looked at."""

from alembic import op

revision = "0024"
down_revision = "0023"

SEATS = """
CREATE TABLE seats_told (
    offer text NOT NULL,
    time timestamptz NOT NULL,
    seats_left integer,
    PRIMARY KEY (offer, time)
);
COMMENT ON TABLE seats_told IS 'Since when how many seats of an offer are left: a row each time it changes';
COMMENT ON COLUMN seats_told.seats_left IS 'NULL: without a limit, or no more told';

INSERT INTO seats_told (offer, time, seats_left)
SELECT id, changed, (content->>'seats_left')::integer FROM offers WHERE content->>'seats_left' IS NOT NULL;

CREATE FUNCTION note_seats() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seats_told (offer, time, seats_left)
    VALUES (NEW.id, NEW.changed, (NEW.content->>'seats_left')::integer)
    ON CONFLICT (offer, time) DO UPDATE SET seats_left = excluded.seats_left;
    RETURN NULL;
END $$;
CREATE TRIGGER note_seats_at_first AFTER INSERT ON offers FOR EACH ROW
    WHEN (NEW.content->>'seats_left' IS NOT NULL) EXECUTE FUNCTION note_seats();
CREATE TRIGGER note_seats_anew AFTER UPDATE ON offers FOR EACH ROW
    WHEN (OLD.content->>'seats_left' IS DISTINCT FROM NEW.content->>'seats_left') EXECUTE FUNCTION note_seats();
"""


def upgrade() -> None:
    op.execute(SEATS)
