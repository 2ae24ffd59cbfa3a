"""The project's own files agree with each other and keep to its rules."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DECLARED = [
    Requirement(r) for r in PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
]
LOCK = (ROOT / "requirements.lock").read_text()

MODULES = sorted((ROOT / "forecast").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CASES = sorted(p.parent.name for p in (ROOT / "seeds").glob("*/case.toml"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- packages ---------------------------------------------------------------------------------------

# What conda-forge calls otherwise, and what it does not have at all.
ON_CONDA_FORGE = {"playwright": "playwright-python"}
BY_PIP = {"axe-playwright-python", "scoringrules"}


def test_conda_users_get_the_same_packages() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = [r for r in environment["dependencies"] if isinstance(r, str)]
    (by_pip,) = (r["pip"] for r in environment["dependencies"] if isinstance(r, dict))
    not_by_pip = [r for r in DECLARED if r.name not in BY_PIP]
    conda = {ON_CONDA_FORGE.get(r.name, r.name) + str(r.specifier) for r in not_by_pip}
    python = "python" + PROJECT["project"]["requires-python"]
    assert sorted(listed) == sorted({python, "pip"} | conda)
    assert by_pip == [str(r) for r in DECLARED if r.name in BY_PIP] + ["-e ."]


def locked() -> dict[str, tuple[Version, list[str]]]:
    """Of every package in the lock, its version and its hashes."""
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^ *#.*\n", "", LOCK, flags=re.MULTILINE))
    found = {}
    for entry in entries:
        match = re.match(r"([a-z0-9._-]+)==([^ ;\\]+)", entry)
        assert match, f"not a pinned package: {entry.splitlines()[0]}"
        assert match[1] not in found, f"{match[1]} stands in the lock twice"
        found[match[1]] = (Version(match[2]), re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry))
    return found


def test_lock_has_hashes_and_no_address() -> None:
    assert [package for package, (_, hashes) in locked().items() if not hashes] == []
    assert "://" not in LOCK
    options = r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)"
    assert not re.search(options, LOCK, re.MULTILINE)


def test_lock_satisfies_what_is_declared() -> None:
    lock = locked()
    stale = [str(r) for r in DECLARED if not r.specifier.contains(lock[canonicalize_name(r.name)][0])]
    assert stale == [], "run `make lock`"


def test_lock_covers_what_the_packages_themselves_need() -> None:
    # By another road than uv's: from the metadata of what is installed here, each need of each need.
    lock, missing, seen = locked(), set(), set()
    todo = [(r, "pyproject.toml") for r in DECLARED]
    while todo:
        requirement, whose = todo.pop()
        package = canonicalize_name(requirement.name)
        key = (package, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        if package not in lock:
            missing.add(f"{package} (for {whose})")
            continue
        for text in metadata.requires(package) or []:
            need = Requirement(text)
            extras = requirement.extras | {""}
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append((need, package))
    assert missing == set(), "run `make lock`"


def test_versions_agree() -> None:
    import forecast

    version = PROJECT["project"]["version"]
    assert forecast.__version__ == version
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
    wanted = Version((ROOT / ".python-version").read_text().strip())
    assert Requirement("python" + PROJECT["project"]["requires-python"]).specifier.contains(wanted)


def test_console_command_and_exporter_are_registered() -> None:
    # Only what the metadata say: loading them is the business of their own tests.
    installed = metadata.distribution("scenario-forecast").entry_points
    points = {(p.group, p.name): p.value for p in installed}
    assert points[("console_scripts", "forecast")] == PROJECT["project"]["scripts"]["forecast"]
    declared = PROJECT["project"]["entry-points"]["nbconvert.exporters"]["forecast"]
    assert points[("nbconvert.exporters", "forecast")] == declared


# --- notebooks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebook_is_stored_clean(path: Path) -> None:
    cells = [c for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert [c["outputs"] for c in cells if c["outputs"]] == []
    assert [c["execution_count"] for c in cells if c["execution_count"] is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebook_tells_and_does_not_compute(path: Path) -> None:
    cells = [c for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    code = ["".join(c["source"]) for c in cells]
    logic = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.For | ast.AsyncFor | ast.While
    found = [ast.unparse(n) for c in code for n in ast.walk(ast.parse(c)) if isinstance(n, logic)]
    assert found == [], "what needs a function or a loop belongs in forecast/, with a test"


# --- the package ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


def imports(tree: ast.Module) -> Iterator[str]:
    """Modules of the package imported when the module itself is: not for types alone, not in functions."""
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        todo.extend(ast.iter_child_nodes(node))


def test_imports_go_one_way() -> None:
    dotted = {path: name(path)[:-3].replace("/", ".").removesuffix(".__init__") for path in MODULES}
    # `from forecast import tree` runs the lazy __init__, which itself imports nothing of the package.
    graph = {
        dotted[path]: {m for m in imports(ast.parse(path.read_text("utf-8"))) if m in dotted.values()}
        for path in MODULES
    }
    assert graph["forecast"] == set()
    # the parser does see imports
    assert graph["forecast.updating"] >= {"forecast.tree", "forecast.case"}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("case", CASES)
def test_no_module_names_a_case(case: str) -> None:
    word = re.compile(rf"\b{re.escape(case)}\b", re.IGNORECASE)
    files = [p for p in (ROOT / "forecast").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert [name(p) for p in files if word.search(p.read_text("utf-8", errors="replace"))] == []


# --- everything -------------------------------------------------------------------------------------

SKIPPED = {"__pycache__", "build", "dist", "reports"}
BINARY = {".png", ".jpg", ".gif", ".ico", ".pdf", ".woff2", ".gz", ".zip"}


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the project, as far as it is not made by a tool."""
    for folder, folders, files in ROOT.walk():
        folders[:] = [f for f in folders if f not in SKIPPED and (not f.startswith(".") or f == ".ci")]
        for file in files:
            path = folder / file
            if path.suffix not in BINARY and file not in {".git", "uv.lock", ".coverage"}:
                yield name(path), path.read_text("utf-8")


# Put together here, since this file is searched too. A path that is part of an address does not count.
FORBIDDEN = {
    "registry": re.compile("|".join(map(re.escape, (
        ".".join(("pypi", "org")), ".".join(("pythonhosted", "org")), ".".join(("npmjs", "org")),
        ".".join(("deb", "debian", "org")), ".".join(("conda", "anaconda", "org")),
    )))),
    "machine path": re.compile(
        r"(?<![\w./~:-])/(?:" + "|".join(("work", "root", "home", "Users", "opt", "tmp")) + r")/\w"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_registry_and_no_machine_path_is_named(what: str) -> None:
    found = [(file, m[0]) for file, text in texts() for m in [FORBIDDEN[what].search(text)] if m]
    assert found == []
