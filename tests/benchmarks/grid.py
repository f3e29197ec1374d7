"""How smoothly 100,000 runs scroll, filter and sort in the Lab, beside JupyterLab's own grid of a CSV file.

    python tests/benchmarks/grid.py [--runs N] [--extension FOLDER]

A headless browser draws without a GPU, so its frames say most beside those of the other grid.  A gap is the time
between two animation frames; 16.7 ms is a screen's own pace.  A task of more than 50 ms on the page's main thread is
what a person feels as a stutter; `busy` is what all its tasks took together.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from playwright.sync_api import CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.jupyter import JupyterServer
from support.many import fill

CHROMIUM = os.environ.get("TRACKBOOK_CHROMIUM") or shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WATCH = """() => {
    window.gaps = []; let last = performance.now();
    const frame = now => { window.gaps.push(now - last); last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
    window.tasks = [];
    new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(task => task.duration)))
        .observe({ type: "longtask" });
}"""


def busy_seconds(session: CDPSession) -> float:
    """Return how long the page's main thread has worked so far."""
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def felt(page: Page, act: Callable[[], object]) -> str:
    """Return what a person would feel while `act` runs: its frames, and what kept the main thread."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.evaluate("() => { window.gaps = []; window.tasks = [] }")
    busy, start = busy_seconds(session), time.perf_counter()
    act()
    took = time.perf_counter() - start
    busy = busy_seconds(session) - busy
    frames = sorted(page.evaluate("() => window.gaps"))
    tasks = page.evaluate("() => window.tasks")
    p95 = frames[int(len(frames) * 0.95)]
    return (
        f"{took:6.2f} s, frames: median {statistics.median(frames):6.1f} ms, 95 % {p95:7.1f}, longest {frames[-1]:7.1f};"
        f" tasks over 50 ms: {len(tasks):3}, longest {max(tasks, default=0.0):5.0f} ms; busy {busy:6.2f} s"
    )


def wheel(page: Page, times: int, by: int) -> None:
    """Turn the wheel over the grid."""
    for _ in range(times):
        page.mouse.wheel(0, by)
        page.wait_for_timeout(16)
    page.wait_for_timeout(500)


def over_grid(page: Page) -> None:
    """Put the mouse over the grid that is visible."""
    box = page.locator(".lm-DataGrid-viewport:visible").last.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def drag_bar(page: Page, share: float) -> None:
    """Drag the thumb of the grid's scroll bar to a share of its track, and wait for rows."""
    track = page.locator(".lm-DataGrid .lm-ScrollBar[data-orientation=vertical] .lm-ScrollBar-track:visible").last
    thumb = track.locator(".lm-ScrollBar-thumb").bounding_box()
    box = track.bounding_box()
    assert box is not None
    assert thumb is not None
    page.mouse.move(thumb["x"] + 4, thumb["y"] + thumb["height"] / 2)
    page.mouse.down()
    page.mouse.move(thumb["x"] + 4, box["y"] + box["height"] * share, steps=20)
    page.mouse.up()
    page.wait_for_timeout(500)


def lab_page(page: Page, lab: JupyterServer) -> None:
    """Open the Lab."""
    page.goto(f"{lab.url}lab?token={lab.token}&reset")
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)")
    page.wait_for_timeout(3000)
    page.evaluate(WATCH)


def measure(page: Page, lab: JupyterServer, runs: int) -> None:
    """Print a line for everything that a person does."""
    lab_page(page, lab)

    def csv_opened() -> None:
        page.evaluate("window.jupyterapp.commands.execute('docmanager:open', { path: 'table.csv' })")
        page.locator(".jp-CSVViewer .lm-DataGrid-viewport:visible").wait_for()
        page.wait_for_timeout(500)

    print(f"CSV viewer, open       {felt(page, csv_opened)}", flush=True)
    over_grid(page)
    print(f"CSV viewer, wheel      {felt(page, lambda: wheel(page, 40, 200))}", flush=True)
    print(f"CSV viewer, drag bar   {felt(page, lambda: drag_bar(page, 0.5))}", flush=True)
    total = page.locator(".tb-Actions-count")

    def opened() -> None:
        page.get_by_role("button", name="All runs").click()
        total.get_by_text(f"{runs:,} runs").wait_for()

    def panel() -> None:
        page.get_by_role("tab", name="Trackbook").click()
        page.get_by_role("button", name="All runs").wait_for()

    def changed(before: str) -> None:
        page.wait_for_function(
            "before => document.querySelector('.tb-Actions-count').textContent !== before", arg=before
        )

    def filtered() -> None:
        before = total.inner_text()
        page.get_by_role("combobox", name="Filter runs").fill("metrics.accuracy > 0.9")
        page.keyboard.press("Enter")
        changed(before)

    def typed() -> None:
        before = total.inner_text()
        page.keyboard.type("5")
        changed(before)

    print(f"panel, open            {felt(page, panel)}", flush=True)
    print(f"runs, open             {felt(page, opened)}", flush=True)
    page.wait_for_timeout(1500)
    over_grid(page)
    print(f"runs, wheel            {felt(page, lambda: wheel(page, 40, 200))}", flush=True)
    print(f"runs, drag to middle   {felt(page, lambda: drag_bar(page, 0.5))}", flush=True)
    print(f"runs, drag to end      {felt(page, lambda: drag_bar(page, 1.0))}", flush=True)
    print(f"runs, filter           {felt(page, filtered)}", flush=True)
    page.wait_for_timeout(500)
    print(f"runs, filter, one key  {felt(page, typed)}", flush=True)


def main() -> None:
    """Make the runs, start a server and a browser, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--extension", help="a folder with another build of the extension, to compare")
    given = parser.parse_args()
    other = [f"--LabApp.extra_labextensions_path={given.extension}"] if given.extension else []
    with tempfile.TemporaryDirectory() as folder:
        root, home = Path(folder, "project"), Path(folder, "home")
        for each in (root, home):
            each.mkdir()
        (root / "trackbook.toml").touch()
        print(f"making {given.runs:,} runs …", file=sys.stderr)
        fill(root, given.runs)
        pd.DataFrame({f"c{at}": range(given.runs) for at in range(9)}).to_csv(root / "table.csv", index=False)
        lab = JupyterServer(root, home, "--expose-app-in-browser", *other, app="lab").wait()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                measure(browser.new_page(viewport={"width": 1440, "height": 900}), lab, given.runs)
                browser.close()
        finally:
            lab.stop()


if __name__ == "__main__":
    main()
