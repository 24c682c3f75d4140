"""The durable truth in PostgreSQL: one file a fact, each with its tables and one small class that reads and writes them."""
