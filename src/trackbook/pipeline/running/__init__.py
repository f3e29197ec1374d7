"""Running a plan: which steps run, in which processes, side by side or one by one, and what is recorded of them."""
