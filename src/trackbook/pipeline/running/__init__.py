"""Running a script step by step, with a cache."""
