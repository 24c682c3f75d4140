"""Choices in the ledger: a pause, and reasons that are turned off. None orders a forgetting."""

from alembic import op

revision = "0006"
down_revision = "0005"

# From when on a resident's data is used again: 30 days after the pause began, or when it was taken back.
PAUSE_END = """
CREATE FUNCTION pause_end(pause consents) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN pause.granted THEN pause.since + interval '720 hours' ELSE pause.since END
$$;
"""

# A word that ends a consent orders that everything from it be forgotten; one that ends a choice does not. Whoever
# appends need not know the difference.
NO_FORGETTING = """
CREATE FUNCTION forget_nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER forgettings_of_choices BEFORE INSERT ON forgettings FOR EACH ROW
    WHEN (NEW.purpose = 'pause' OR starts_with(NEW.purpose, 'without_')) EXECUTE FUNCTION forget_nothing();
"""


def upgrade() -> None:
    op.execute(PAUSE_END)
    op.execute(NO_FORGETTING)
