"""Canonical fingerprints: the same content gives the same digest, whatever process, chunking or library holds it."""
