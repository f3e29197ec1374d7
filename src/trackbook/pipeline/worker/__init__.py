"""The process in which steps run: what it is asked, what it sees a step do, and how values leave it."""
