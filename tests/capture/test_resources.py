"""CPU and memory of a cell."""

from __future__ import annotations

import multiprocessing
import time

from trackbook.capture.resources import MAX_SAMPLES, Resources, ResourceSampler, _Going


def used(seconds: float, sampler: ResourceSampler) -> Resources:
    sampler.start()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    found = sampler.stop()
    assert found is not None
    return found


def test_a_busy_cell_shows_its_cpu_time_and_samples() -> None:
    """Half a second of work is at most half a second and some of CPU time, and has a sample or more."""
    found = used(0.6, ResourceSampler())
    assert found.cpu_seconds > 0
    assert found.seconds >= 0.6
    assert found.samples
    assert found.peak_memory_bytes >= max(sample.memory_bytes for sample in found.samples) > 1_000_000


def test_memory_that_was_used_and_freed_is_in_the_peak() -> None:
    """An allocation that no sample saw is in the peak all the same, as the system counts it."""
    sampler = ResourceSampler()
    sampler.start()
    block = bytearray(700_000_000)
    block[::4096] = b"x" * len(block[::4096])
    del block
    found = sampler.stop()
    assert found is not None
    assert found.peak_memory_bytes > 700_000_000


def test_without_a_start_there_is_nothing() -> None:
    """Stopping twice is no error."""
    sampler = ResourceSampler()
    assert sampler.stop() is None
    used(0.0, sampler)
    assert sampler.stop() is None


def test_a_long_cell_has_no_more_samples_than_a_shorter_one() -> None:
    """The samples are thinned out and their interval doubles."""
    going = _Going()
    before = going.interval
    for _ in range(MAX_SAMPLES * 2):
        going.sample()
    assert len(going.result().samples) < MAX_SAMPLES
    assert going.interval >= before * 4


def _in_child(sampler: ResourceSampler) -> None:
    assert used(0.4, sampler).samples


def test_a_forked_child_samples_with_a_thread_of_its_own() -> None:
    """Threads do not survive a fork; the child starts another."""
    sampler = ResourceSampler()
    used(0.0, sampler)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = multiprocessing.get_context("fork").Process(target=_in_child, args=(sampler,))
        child.start()
    child.join(60)
    assert child.exitcode == 0
