"""The chance that chance had in what was shown, beside the impression."""

from alembic import op

revision = "0009"
down_revision = "0008"

IMPRESSIONS = """
ALTER TABLE impressions ADD COLUMN tried_place smallint, ADD COLUMN tried_propensity double precision;
COMMENT ON COLUMN impressions.tried_propensity IS 'With what probability the offer in that place was shown there';
"""


def upgrade() -> None:
    op.execute(IMPRESSIONS)
