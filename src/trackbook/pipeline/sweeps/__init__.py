"""Many runs of one pipeline, each with other params: grids of values, and searches by Optuna.

::

    values.py    which values `-p` gives each parameter
    grid.py      every combination of them
    space.py     what a search may try
    search.py    trials that Optuna chooses
    trials.py    trials run side by side, below one run
    outcome.py   how a sweep goes, as values
    reading.py   a finished sweep, read back
"""
