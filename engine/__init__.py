"""The engine decides and remembers; it imports no other room."""
