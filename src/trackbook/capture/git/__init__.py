"""The git state that code stands in: commit, branch, remote, and the patch of what is not committed."""
