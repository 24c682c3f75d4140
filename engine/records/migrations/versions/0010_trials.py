"""The model that answered, beside the impression: what came of two models can be told apart."""

from alembic import op

revision = "0010"
down_revision = "0009"

IMPRESSIONS = """
ALTER TABLE impressions ADD COLUMN model text;
COMMENT ON COLUMN impressions.model IS 'The name of the model that was to answer; null where none was asked';
"""


def upgrade() -> None:
    op.execute(IMPRESSIONS)
