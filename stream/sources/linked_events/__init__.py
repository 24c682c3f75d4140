"""Linked Events, the city's one feed of events, courses and volunteering tasks, as offers."""

from stream.sources.linked_events.catalogue import import_catalogue

__all__ = ["import_catalogue"]
