"""The report: a notebook run in a kernel of this interpreter, written as one offline page."""

from __future__ import annotations

import ast
import asyncio
import atexit
import datetime as dt
import errno
import os
import re
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert.exporters.html import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from traitlets import default

from forecast.appending import write_whole
from forecast.panels import MIME, policy, scripts

_PACKAGE = Path(__file__).parent
_SIGNALS = signal.SIGINT, signal.SIGTERM
Progress = Callable[[int, int, str], None]


class ReportError(RuntimeError):
    """The notebook of a report failed; no report was written."""


def notebook() -> Path:
    """The notebook that makes any case's report."""
    installed = _PACKAGE / "_data" / "report.ipynb"
    return installed if installed.is_file() else _PACKAGE.parent / "notebooks" / "report.ipynb"


def make_report(
    case: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    as_of: dt.date | str | None = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Run the report notebook on a case and write its page.

    Parameters
    ----------
    case : str or path
        A shipped case, or the folder of one.
    out_dir : path
        Where `<case>.html` is written; made if it does not exist.
    as_of : date or str, optional
        The last day whose news counts.
    seed : int
    progress : callable, optional
        Called before each cell with its index, the number of cells and its title.

    Returns
    -------
    Path
        The page. It stands there whole or not at all.

    Raises
    ------
    ReportError
        If a cell fails.
    """
    parameters = {"CASE": os.fspath(case), "AS_OF": None if as_of is None else str(as_of), "SEED": seed}
    path = Path(case)
    name = (path.parent if path.name == "case.toml" else path).resolve().name
    page = Path(out_dir) / f"{name}.html"
    for wrong, number in ((page.is_dir(), errno.EISDIR), (Path(out_dir).is_file(), errno.ENOTDIR)):
        if wrong:  # said before the work, not after it
            raise OSError(number, os.strerror(number), str(page))
    return write(export(run_notebook(notebook(), parameters, progress)), page)


def export(nb: NotebookNode) -> str:
    """The page of a notebook that has run."""
    return str(ReportExporter().from_notebook_node(nb)[0])


def write(page: str, path: Path) -> Path:
    """Write a page whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page.encode())
    return path


# --- running a notebook ---


def run_notebook(
    path: str | os.PathLike[str],
    parameters: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> NotebookNode:
    """Run a notebook from top to bottom, in a fresh kernel of this interpreter.

    Parameters
    ----------
    path : path
    parameters : mapping, optional
        Values for the cell tagged `parameters`: plain Python literals.
    progress : callable, optional
        As in `make_report`.

    Returns
    -------
    NotebookNode
        With outputs. The file is left as it is.

    Raises
    ------
    ReportError
        If a cell fails, with its number and the error.
    KeyboardInterrupt
        If it is interrupted; the kernel has been ended.
    ValueError
        If a parameter has no place in the notebook.
    """
    formats: Any = nbformat  # untyped
    nb = set_parameters(formats.read(os.fspath(path), as_version=4), parameters or {})
    code = [i for i, c in enumerate(nb.cells) if c.cell_type == "code"]

    def started(cell: NotebookNode, cell_index: int) -> None:
        if progress and cell.cell_type == "code":
            progress(code.index(cell_index), len(code), title(cell))

    client = _Client(
        nb,
        timeout=None,
        record_timing=False,
        shutdown_kernel="immediate",
        km=AsyncKernelManager(kernel_spec_manager=_SameInterpreter()),
        on_cell_start=started,
        resources={"metadata": {"path": os.getcwd()}},
    )
    with tempfile.TemporaryDirectory() as settings:
        # no start-up files, order of sets or Python files of the working folder may change the page
        environment = os.environ | {
            "IPYTHONDIR": settings,
            "PYTHONHASHSEED": "0",
            "PYTHONSAFEPATH": "1",
            "MPLCONFIGDIR": settings,
        }
        try:
            client.execute(env=environment)
        except CellExecutionError as e:
            kinds = {i: [o.output_type for o in nb.cells[i].get("outputs", [])] for i in code}
            failed = next((i for i in code if "error" in kinds[i]), code[0])
            raise ReportError(f"cell {failed + 1} ({title(nb.cells[failed])}) failed: "
                              f"{e.ename}: {e.evalue}") from e  # fmt: skip
        except DeadKernelError as e:
            raise ReportError(f"the kernel died while the notebook ran: {e}") from e
    return nb


def set_parameters(nb: NotebookNode, parameters: Mapping[str, Any]) -> NotebookNode:
    """Put values into the assignments of the cell tagged `parameters`, as Python literals."""
    if not parameters:
        return nb
    cell = next((c for c in nb.cells if "parameters" in c.metadata.get("tags", [])), None)
    source = "" if cell is None else cell.source
    tree = ast.parse(source)
    missing = set(parameters)
    lines = source.splitlines()
    for node in reversed(tree.body):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in parameters:
                value = parameters[name]
                if not isinstance(value, str | int | float | None):
                    raise ValueError(f"{name}: {value!r} is neither text nor a number")
                rest = lines[node.end_lineno - 1][node.end_col_offset :] if node.end_lineno else ""
                lines[node.lineno - 1 : node.end_lineno] = [f"{name} = {value!r}{rest}"]
                missing.discard(name)
    if cell is None or missing:
        raise ValueError(f"the notebook has no parameter {', '.join(sorted(missing))}")
    cell.source = "\n".join(lines)
    return nb


def title(cell: NotebookNode) -> str:
    """What a cell says that it does: its first comment, or its first line."""
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    return str(first.strip().removeprefix("#").strip())


class _SameInterpreter(KernelSpecManager):
    """One kernel: the interpreter that runs this, whatever is installed under its name."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel", "-f", "{connection_file}",
                   "--IPKernelApp.ignore_cwd=True", "--IPKernelApp.log_level=ERROR",
                   "--HistoryManager.enabled=False"]  # fmt: skip
        return KernelSpec(argv=command, display_name="Python 3", language="python")


class _Client(NotebookClient):
    """Ended by a signal as a whole: by itself, it would end the kernel and go on to the next cell."""

    @asynccontextmanager
    async def async_setup_kernel(self, **kwargs: Any) -> AsyncGenerator[None, None]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        # not in another thread, nor on Windows: there the end of the process ends the kernel
        atexit.register(self._cleanup_kernel)
        with suppress(RuntimeError, ValueError, NotImplementedError):
            for x in _SIGNALS:
                loop.add_signal_handler(x, lambda: task.cancelling() or task.cancel())
        try:
            await self.async_start_new_kernel(**kwargs)
            await self.async_start_new_kernel_client()
            yield
        except (RuntimeError, asyncio.CancelledError):
            if task.cancelling():
                raise KeyboardInterrupt from None
            raise
        finally:
            await self._async_cleanup_kernel()
            atexit.unregister(self._cleanup_kernel)
            with suppress(RuntimeError, ValueError, NotImplementedError):
                for x in _SIGNALS:
                    loop.remove_signal_handler(x)


# --- writing the page ---


class ReportExporter(HTMLExporter):
    """Notebook to one HTML file that opens offline: `jupyter nbconvert --to forecast`."""

    export_from_notebook = "Forecast report"

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)  # type: ignore[no-untyped-call]
        me: Any = self  # untyped
        me.register_preprocessor(_panels, enabled=True)

    @default("template_name")
    def _template_name_default(self) -> str:
        return "forecast"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(_PACKAGE / "templates")]

    def default_filters(self) -> Iterable[tuple[str, Any]]:
        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield "markdown", _markdown
        yield "caption", title

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> Any:
        me: Any = self  # untyped
        resources = me._init_resources(resources)
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name", "python"))
        highlighter: Any = Highlight2HTML
        me.register_filter("highlight_code", highlighter(pygments_lexer=lexer, parent=self))
        # not the parent's own: it would call a picture without a description one "without a description"
        page, resources = TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        soup = BeautifulSoup(page, "html.parser")
        name = str(nb.metadata.get("title") or "Forecast")
        _finish(soup, name)
        # no script of a cell is left, and the parser has had its way: now the panel's own
        top, end, rest = f"{soup}\n".rpartition("</body>")
        return f"{top}{scripts(resources['panels'])}{end}{rest}", resources


def _panels(nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
    """The last to see the notebook before it is written: by now it has run."""
    outputs = [o for c in nb.cells for o in c.get("outputs", []) if MIME in o.get("data", {})]
    found = [o.data[MIME]["numbers"] for o in outputs]
    return nb, {**resources, "panels": found, "panel": MIME, "policy": policy(bool(found))}


class _Renderer(IPythonRenderer):
    """Markdown of a notebook's author: formulas become MathML, so that no script is needed."""

    def block_math(self, body: str) -> str:
        return _mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return _mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def inline_math(self, body: str) -> str:
        return _mathml(body, "inline")


def _mathml(formula: str, display: Any) -> str:
    from latex2mathml.converter import convert

    return str(convert(formula, display=display))


def _markdown(source: str, trusted: bool = True) -> str:
    renderer: Any = _Renderer if trusted else IPythonRenderer
    made = renderer(escape=not trusted, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=made).render(source))


_LOADING = {
    "src",
    "srcset",
    "poster",
    "background",
    "data",
    "action",
    "formaction",
    "ping",
    "xlink:href",
}
_ACTIVE = ("script", "iframe", "object", "embed", "base", "form", "link", "frame", "portal")


def _finish(soup: BeautifulSoup, name: str) -> None:
    """One heading of the first level, unique ids, a table of contents, and nothing that loads."""
    main = soup.find("main")
    assert isinstance(main, Tag)
    for tag in main.find_all(_ACTIVE):
        tag.decompose()
    for tag in main.find_all("style", attrs={"data-forecast": True}):
        tag.decompose()  # the head has it
    for tag in main.find_all(True):
        for key, value in list(tag.attrs.items()):
            outside = key in _LOADING and not str(value).startswith("data:")
            if key.startswith("on") or outside or _is_code(key, value):
                del tag[key]
    if not main.find("h1"):
        heading = soup.new_tag("h1")
        heading.string = name
        main.insert(0, heading)
    first, *more = main.find_all("h1")
    for tag in more:
        tag.name = "h2"
    _unique_ids(main)
    title_ = soup.find("title")
    assert isinstance(title_, Tag)
    title_.string = " ".join(first.get_text(" ", strip=True).split())
    headings = [h for h in main.find_all("h2") if h.get("id")]
    for contents in soup.find_all("ol", class_="contents"):
        if first.get("id"):
            headings = [first, *(h for h in headings if h is not first)]
        for heading in headings:
            section = heading.find_parent("section")
            target = section.get("id") if section and section.get("id") else heading["id"]
            entry, anchor = soup.new_tag("li"), soup.new_tag("a", href=f"#{target}")
            anchor.string = "Forecast" if heading is first else heading.get_text(" ", strip=True)
            entry.append(anchor)
            contents.append(entry)
    _tables(soup, main)
    for box in main.find_all("pre"):
        box["tabindex"] = "0"


def _tables(soup: BeautifulSoup, main: Tag) -> None:
    """Tables that are not ours, such as those of pandas, scroll in a box that a keyboard reaches."""
    plain = [t for t in main.find_all("table") if not t.find_parent(class_="fx")]
    for n, tag in enumerate(plain, 1):
        for cell in tag.find_all("th"):
            if not cell.get_text(strip=True):
                cell.name = "td"  # a header has to say something
        box = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": f"Table {n}"}
        tag.wrap(soup.new_tag("div", attrs=box))


def _is_code(key: str, value: Any) -> bool:
    scheme = re.sub(r"[\x00-\x20]", "", str(value)).lower()
    return key in ("href", "src") and scheme.startswith(("javascript:", "vbscript:", "data:text/html"))


def _unique_ids(main: Tag) -> None:
    seen: Counter[str] = Counter()
    for tag in main.find_all(id=True):
        name = str(tag["id"])
        seen[name] += 1
        if seen[name] > 1:
            tag["id"] = f"{name}-{seen[name]}"
    for heading in main.find_all("h2", id=False):
        slug = re.sub(r"\W+", "-", heading.get_text().lower()).strip("-") or "part"
        seen[slug] += 1
        heading["id"] = slug if seen[slug] == 1 else f"{slug}-{seen[slug]}"
