"""Engines on which the steps of a pipeline run elsewhere; the scheduler of `running` decides and records all the same.

::

    dask.py          steps as tasks of a Dask cluster: what the process that decides does
    connections.py   clusters that are connected to, shared by the runs of a sweep
    remote.py        what a worker of the cluster does with a step
    shipping.py      the project's folder, copied to workers by content, and what steps change in it
    versions.py      whether workers have what this process has
"""
