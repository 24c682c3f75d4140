"""Kafka, PostgreSQL and Valkey from wheels: get, start, wait until ready, stop. All state lies under one folder."""

from api.embedded.errors import CannotStart, InUse
from api.embedded.parts import Addresses, Parts, start

__all__ = ["Addresses", "CannotStart", "InUse", "Parts", "start"]
