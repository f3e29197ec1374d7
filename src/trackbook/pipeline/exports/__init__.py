"""A pipeline script for other orchestrators: files that call its steps one by one, each as `trackbook pipeline run`.

::

    values.py     what every target is made from: tasks, parameters, names
    tasks.py      the steps of a plan as tasks with their order
    names.py      names that are clean, and still differ
    text.py       YAML, Python and shell text in which a name is never code
    targets.py    the table of targets
    stages.py     what the CI targets share: the way of a model from validation to promotion
    gather.py     from a script and a project to an `Export`
    files.py      writing, without losing what a person wrote

A target is a pure function from an `Export` to the files that it needs, by their paths.
"""
