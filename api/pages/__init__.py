"""Pages for people: the reference app. They use the public API alone, so any other app could do the same."""
