"""The API is the door, and puts the house together."""
