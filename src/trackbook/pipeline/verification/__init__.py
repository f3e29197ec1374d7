"""Does a script do what its notebook does?  Fresh runs of both, and their comparison."""
