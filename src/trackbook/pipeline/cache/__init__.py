"""Results of steps that need not be made again: their keys, what is kept of them, and why one will not do."""
