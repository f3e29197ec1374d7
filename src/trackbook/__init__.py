"""Trackbook."""
