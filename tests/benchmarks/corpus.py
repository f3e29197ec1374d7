"""How many notebooks below a folder convert and verify, by the first folder of their paths.

    python tests/benchmarks/corpus.py FOLDER [--only TEXT]... [--timeout SECONDS] [--convert-only] [--json]

Every notebook is converted, and run with its script by `verify`, in copies: nothing in FOLDER changes.  The notebooks run
with the libraries of this interpreter.  Printed is each that does not verify with its reason, and at the end the table:
`same` verify, `raise` verify and raise what the notebook raises, `differs`, `convert` has no form in a script,
`cannot run` is a notebook that does not run at all.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from trackbook.errors import TrackbookError
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.notebook import read_notebook
from trackbook.pipeline.verification.verify import SAME, Verification, verify

KINDS = ("same", "raise", "differs", "convert", "cannot run")


def tried(notebook: Path, timeout: float, *, convert_only: bool) -> tuple[str, list[str]]:
    """Return what became of a notebook, with the reasons."""
    try:
        text = convert(read_notebook(notebook)).text
    except TrackbookError as error:
        return "convert", [str(error)]
    if convert_only:
        return "same", []
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / f"{notebook.stem}_pipeline.py"
        script.write_text(text, encoding="utf-8")
        return judged(verify(notebook, script, timeout=timeout))


def judged(found: Verification) -> tuple[str, list[str]]:
    if found.verdict == SAME:
        return "raise" if found.raises else "same", []
    if found.reason:
        return "cannot run", [found.reason]
    return "differs", [f"{item.what} {item.name}: {item.notebook} | {item.script}" for item in found.differences]


def notebooks(folder: Path, only: list[str]) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.ipynb")):
        name = path.relative_to(folder).as_posix()
        if ".ipynb_checkpoints" not in name and (not only or any(text in name for text in only)):
            yield path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only paths with this text")
    parser.add_argument("--timeout", type=float, default=150.0, help="seconds for a cell, and for a script")
    parser.add_argument("--convert-only", action="store_true", help="run nothing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    rows = []
    for path in notebooks(options.folder, options.only):
        name = path.relative_to(options.folder)
        kind, reasons = tried(path, options.timeout, convert_only=options.convert_only)
        counts[name.parts[0]][kind] += 1
        rows.append({"notebook": name.as_posix(), "outcome": kind, "reasons": reasons})
        if reasons and not options.json:
            print(f"{kind:10} {name}: {' '.join(reasons[0].split())[:300]}", flush=True)
    if options.json:
        json.dump({"notebooks": rows, "counts": counts}, sys.stdout, indent=1)
        return
    print(f"\n{'':40}" + "".join(f"{kind:>12}" for kind in KINDS))
    for name, found in [*counts.items(), ("all", sum(counts.values(), Counter[str]()))]:
        print(f"{name[:40]:40}" + "".join(f"{found[kind]:12}" for kind in KINDS))


if __name__ == "__main__":
    main()
