"""Notices of whose followed links have changed: audiences choose by them."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    for event, rows in (("INSERT", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER announce_{event.lower()} AFTER {event} ON follows "
            f"REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_changed()"
        )
