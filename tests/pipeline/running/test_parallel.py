"""Steps that start processes of their own."""

from support.pipelines import Bench

BODY = """
from joblib import Parallel, delayed

class Doubler:
    def of(self, x):
        return 2 * x

def double(size):
    return Parallel(n_jobs=2)(delayed(Doubler().of)(x) for x in range(size))
"""


def test_joblibs_processes_have_what_the_script_defines(bench: Bench) -> None:
    """As they have when the script is run by Python: its classes need not be importable."""
    bench.write(BODY, "values = double(params.size)")
    assert bench.statuses() == ["executed"], bench.output
