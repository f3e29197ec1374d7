"""What versions of data cost in time and place, beside DVC in the same run.

    python tests/benchmarks/versions.py [--dvc DVC] [--file-bytes N] [--files N] [--table-bytes N] [--repeats N] [--folder F]

Whole commands are timed, as a user types them, each tool in turn; `cp` says what the disk alone takes.  DVC is the
command `--dvc`, else `dvc` on the PATH; without it the table has one column less.  DVC does not wait for the disk, nor
does Trackbook for the chunks of a large file; it does for all else.  Nothing here is a test: times depend on the
machine, ratios within one run much less.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

TRACKBOOK = str(Path(sys.executable).with_name("trackbook"))
STEPS = 5
BUDGETS = {"new file": "0.8 s", "file again": "0.3 s", "files again": "a twentieth of DVC", "storage": "1.15 copies"}


class Trackbook:
    """`trackbook data snapshot` in a project of its own."""

    name = "Trackbook"

    def __init__(self, folder: Path, command: str) -> None:
        self.folder, self._command = folder, command
        folder.mkdir()
        (folder / "trackbook.toml").touch()
        (folder / "small.txt").write_text("what the store is made with\n")
        self.forget()

    def forget(self) -> None:
        """Begin with a store that is set up, as DVC begins with its repository."""
        shutil.rmtree(self.folder / ".trackbook", ignore_errors=True)
        self.add("small.txt")

    def add(self, name: str) -> float:
        return timed([self._command, "data", "snapshot", name, "measured"], self.folder)

    def stored(self) -> int:
        return size_of(self.folder / ".trackbook" / "objects")


class Dvc:
    """`dvc add` in a repository of its own."""

    name = "DVC"

    def __init__(self, folder: Path, command: str) -> None:
        self.folder, self._command = folder, command
        folder.mkdir()
        for line in ("git init -q", f"{command} init -q", f"{command} config core.analytics false"):
            subprocess.run(line.split(), cwd=folder, check=True, capture_output=True)

    def forget(self) -> None:
        for place in ("cache", "tmp"):
            shutil.rmtree(self.folder / ".dvc" / place, ignore_errors=True)
        for note in self.folder.glob("*.dvc"):
            if note.is_file():
                note.unlink()

    def add(self, name: str) -> float:
        return timed([self._command, "add", "-q", name], self.folder)

    def stored(self) -> int:
        return size_of(self.folder / ".dvc" / "cache")


def timed(command: list[str], folder: Path) -> float:
    """Return the seconds of a whole command."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def settle() -> None:
    """Let files get old enough that their stamps are trusted, and the disk write what it was given before."""
    os.sync()
    time.sleep(2.1)


def tables(size: int, change: str) -> Iterator[pd.DataFrame]:
    """Yield five versions of a table: 1 % more rows each time, or one more column."""
    random = np.random.default_rng(0)
    rows = size // 80

    def block(count: int) -> pd.DataFrame:
        numbers = {f"x{at}": random.normal(size=count) for at in range(6)}
        return pd.DataFrame(numbers | {f"k{at}": random.integers(0, 10**9, count) for at in range(4)})

    table = block(rows)
    for step in range(STEPS):
        if step and change == "rows":
            table = pd.concat([table, block(rows // 100)], ignore_index=True)
        elif step:
            table[f"new{step}"] = random.normal(size=len(table))
        yield table


class Bench:
    """Makes the data, runs the cases for each tool, and prints one line a case."""

    def __init__(self, folder: Path, tools: list[Trackbook | Dvc], options: argparse.Namespace) -> None:
        self.folder, self.tools, self.options = folder, tools, options

    def line(self, case: str, values: dict[str, float], unit: str, note: str = "") -> None:
        shown = "  ".join(f"{name} {value:8.3f} {unit}" for name, value in values.items())
        ratio = f"  ×{values['DVC'] / values['Trackbook']:.1f}" if {"DVC", "Trackbook"} <= values.keys() else ""
        print(f"{case:<42} {shown}{ratio}  {note}", flush=True)

    def big_file(self) -> None:
        big = self.folder / "big.bin"
        with big.open("wb") as file:
            for _ in range(self.options.file_bytes // 10**7):
                file.write(os.urandom(10**7))
        new: dict[str, list[float]] = {}
        again: dict[str, list[float]] = {}
        for _ in range(self.options.repeats):
            copy = self.folder / "copy.bin"
            settle()
            new.setdefault("cp", []).append(timed(["cp", str(big), str(copy)], self.folder))
            copy.unlink()
            for tool in self.tools:
                shutil.copy(big, tool.folder / "big.bin")
                settle()
                new.setdefault(tool.name, []).append(tool.add("big.bin"))
                again.setdefault(tool.name, []).append(tool.add("big.bin"))
                tool.forget()
                (tool.folder / "big.bin").unlink()
        big.unlink()
        giga = f"{self.options.file_bytes / 1e9:g} GB"
        self.line(f"version of a new file of {giga}", medians(new), "s", BUDGETS["new file"])
        self.line("again, unchanged", medians(again), "s", BUDGETS["file again"])

    def many_files(self) -> None:
        new: dict[str, list[float]] = {}
        again: dict[str, list[float]] = {}
        for tool in self.tools:
            for number in range(self.options.files):
                path = tool.folder / "files" / f"{number % 100:02}" / f"{number}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"the content of file {number}\n" * 10)
        settle()
        for tool in self.tools:
            new[tool.name] = [tool.add("files")]
        for _ in range(self.options.repeats):
            for tool in self.tools:
                again.setdefault(tool.name, []).append(tool.add("files"))
        for tool in self.tools:
            tool.forget()
            shutil.rmtree(tool.folder / "files")
        self.line(f"version of {self.options.files:,} new files", medians(new), "s")
        self.line("again, unchanged", medians(again), "s", BUDGETS["files again"])

    def storage(self, ending: str, change: str) -> None:
        """Print how much is stored for five versions, in copies of the largest."""
        copies = {}
        for tool in self.tools:
            path = tool.folder / f"table.{ending}"
            for table in tables(self.options.table_bytes, change):
                if ending == "csv":
                    table.round(6).to_csv(path, index=False)
                else:
                    table.to_parquet(path, index=False)
                tool.add(path.name)
            copies[tool.name] = tool.stored() / path.stat().st_size
            tool.forget()
            path.unlink()
        word = "1 % more rows" if change == "rows" else "a column more"
        self.line(f"5 versions, {word}, {ending} file", copies, "copies", BUDGETS["storage"])

    def frame_storage(self, change: str) -> None:
        """The same for frames in memory, without the compression of blocks."""
        from trackbook.data import Datasets
        from trackbook.store import Store

        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            store = Store.open(Path(folder) / ".trackbook")
            data = Datasets(store, "bench")
            start = time.perf_counter()
            for table in tables(self.options.table_bytes, change):
                data.snapshot(table, "table")
            seconds = time.perf_counter() - start
            held = int(table.memory_usage(index=False).sum())
            content = sum(map(store.objects.size, store.objects.digests()))
            disk = size_of(store.root / "objects")
        word = "1 % more rows" if change == "rows" else "a column more"
        note = f"{disk / held:.3f} on the disk, compressed; {seconds:.1f} s for all; {BUDGETS['storage']}"
        self.line(f"5 versions, {word}, frame", {"Trackbook": content / held}, "copies", note)


def medians(times: dict[str, list[float]]) -> dict[str, float]:
    """Return the median of each list."""
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dvc", default=os.environ.get("BENCH_DVC") or shutil.which("dvc"), help="the command dvc")
    parser.add_argument("--file-bytes", type=int, default=10**9)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--table-bytes", type=int, default=500_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", help="where to work; the system's temporary folder may be in memory")
    parser.add_argument("--only", choices=["file", "files", "storage"], help="these cases alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        tools: list[Trackbook | Dvc] = [Trackbook(folder / "trackbook", TRACKBOOK)]
        if options.dvc:
            tools.append(Dvc(folder / "dvc", options.dvc))
        else:
            print("DVC is not here: `pip install dvc` in an environment of its own, and name its command with --dvc")
        bench = Bench(folder, tools, options)
        if options.only in (None, "file"):
            bench.big_file()
        if options.only in (None, "files"):
            bench.many_files()
        if options.only in (None, "storage"):
            for change in ("rows", "column"):
                bench.frame_storage(change)
                for ending in ("csv", "parquet"):
                    bench.storage(ending, change)


if __name__ == "__main__":
    main()
