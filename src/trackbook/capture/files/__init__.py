"""Files, folders and URLs that code opens, with their fingerprints."""
