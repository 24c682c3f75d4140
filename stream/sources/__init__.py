"""The city's systems as changes of offers: one source a module."""
