"""Search: a filter's text becomes a tree, the tree a plan over the indexes, the plan rows."""
