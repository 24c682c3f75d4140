"""The models learn."""
