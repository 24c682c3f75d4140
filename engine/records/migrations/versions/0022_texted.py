"""By which means a code was sent: text messages cost, and all of them together have a limit."""

from alembic import op

revision = "0022"
down_revision = "0021"

TEXTED = """
ALTER TABLE address_sends ADD COLUMN means text;
CREATE INDEX address_sends_texted ON address_sends (time) WHERE means = 'sms';
"""


def upgrade() -> None:
    op.execute(TEXTED)
