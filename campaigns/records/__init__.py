"""What campaigns keep in SQL, over `engine.records.database`."""
