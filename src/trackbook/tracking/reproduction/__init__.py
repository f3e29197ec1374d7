"""Runs repeated: the program of a run in a fresh process, compared, and the verdict kept."""
