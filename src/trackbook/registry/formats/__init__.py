"""Models as bytes and back: one module a format, and the format is recorded, never guessed."""
