"""The notebook as steps: what its cells are, and which of them belong together."""
