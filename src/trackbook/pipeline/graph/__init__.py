"""Evidence for the graph of a notebook besides its text: what its cells did in a run of it, and what was recorded."""
