"""The durable truth in PostgreSQL: one file a fact, with one small class that reads and writes it."""
