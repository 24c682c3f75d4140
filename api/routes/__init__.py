"""The API's operations: each parses, calls one thing, answers."""
