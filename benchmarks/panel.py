"""The panel "try your own view": `python -m benchmarks.panel [CASE]`, with Chromium on the path.

Prints the seconds to build it, its size, and the milliseconds of a pass and of a click in
headless Chromium: until all is written, before the browser draws it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

import forecast
from forecast import report

PASS = """() => { const once = () => forecastPanel.solve(); for (let i = 0; i < 300; i++) once();
  const start = performance.now(); for (let i = 0; i < 300; i++) once();
  return (performance.now() - start) / 300; }"""
CLICK = """() => { const box = document.querySelector("input[type=checkbox]"), times = [];
  for (let i = 0; i < 300; i++) { const start = performance.now(); box.click();
    times.push(performance.now() - start); }
  times.splice(0, 100); times.sort((a, b) => a - b); return [times[100], times[189]]; }"""


def main(name: str) -> None:
    case = forecast.load(name)
    forecast.panel(case)
    start = time.perf_counter()
    panel = forecast.panel(case)
    print(f"built in {time.perf_counter() - start:.2f} s")
    data, about = panel._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, metadata=about)
    cells = [nbformat.v4.new_code_cell("panel", outputs=[output])]
    page = report.export(nbformat.v4.new_notebook(cells=cells))
    print(
        f"{len(panel.section._repr_html_().encode()) / 1e3:.0f} kB, a page of it alone {len(page.encode()) / 1e3:.0f} kB"
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        (Path(folder) / "page.html").write_text(page, "utf-8")
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = p.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        tab.goto((Path(folder) / "page.html").as_uri())
        median, high = tab.evaluate(CLICK)
        print(f"a pass {tab.evaluate(PASS):.2f} ms; a click {median:.2f} ms, 95 % within {high:.2f} ms")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else forecast.shipped()[0])
