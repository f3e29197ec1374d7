"""What the user may choose for a run of a pipeline."""

from __future__ import annotations

import msgspec


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a pipeline is run.

    With `only` just those steps run, on the kept results of the others; with `start` that step and all that follows
    from it run anew, whatever is kept.  `jobs` is how many steps may run side by side.
    `storage` is the URL of a place that takes kept results and gives those of other machines.

    With the `engine` "dask", steps run on the cluster of the `scheduler` at this address, or on one that is started for
    the run, of so many `workers`.
    """

    use_cache: bool = True
    only: tuple[str, ...] = ()
    start: str | None = None
    jobs: int = 1
    storage: str | None = None
    engine: str = "local"
    scheduler: str | None = None
    workers: int | None = None

    @property
    def is_apart(self) -> bool:
        """Tell whether steps that share no state may run in processes of their own."""
        return self.jobs > 1 or self.engine != "local"
