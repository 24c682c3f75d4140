"""Linked Events, the city's one feed of events, courses and volunteering tasks, as offers."""

from stream.sources.linked_events.catalogue import import_catalogue
from stream.sources.linked_events.client import LIVE

__all__ = ["LIVE", "import_catalogue"]
