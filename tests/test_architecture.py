"""The referee: directions, sizes, clocks, floats, words and licences, checked on the source.

What import-linter, ruff and mypy can say is in pyproject.toml; the rest is read from the trees.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from posapp import cli, errors
from posapp.headoffice import accounts, imports
from posapp.ui.messages import WORDS

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 600
FUNCTION_LINES = 70

Found = list[str]


# --- tools --------------------------------------------------------------------------------------


LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["-c", LINT_IMPORTS], id="directions"),
        pytest.param(["-m", "ruff", "check", "."], id="lint"),
        pytest.param(["-m", "ruff", "format", "--check", "."], id="format"),
        pytest.param(["-m", "mypy"], id="types"),
    ],
)
def test_the_tools_have_nothing_to_say(command):
    run = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


# --- reading the source -------------------------------------------------------------------------


@functools.cache
def _sources(*folders: str) -> tuple[tuple[str, ast.Module], ...]:
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        (str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(paths)
    )


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _imported(banned: set[str], excused: Callable[[str], bool], folder: str = "posapp") -> Found:
    return [
        f"{path}:{line} imports {name}"
        for path, tree in _sources(folder)
        if not excused(path)
        for line, name in _imports(tree)
        if name.partition(".")[0] in banned
    ]


@functools.cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("posapp", include_external_packages=True)


def _reaches(importer: str, imported: str) -> tuple[str, ...]:
    """The chain by which `importer` loads `imported`, or nothing."""
    graph = _graph()
    if imported not in graph.modules:
        return ()
    return graph.find_shortest_chain(importer, imported) or ()


# --- directions that the contracts cannot say ---------------------------------------------------


def test_presenters_load_no_qt_even_through_others():
    presenters = [m for m in _graph().modules if m.endswith(".presenter")]
    chains = [chain for name in presenters if (chain := _reaches(name, "PySide6"))]
    assert not chains, "\n".join(" -> ".join(chain) for chain in chains)


def test_what_only_unix_has_is_imported_in_posix_files_only():
    unix = {"pty", "tty", "fcntl", "termios", "resource", "pwd", "grp", "syslog"}
    found = _imported(unix, lambda path: path.endswith("_posix.py"))
    assert not found, "\n".join(found)


def test_reportlab_is_known_to_the_pdf_renderer_only():
    found = _imported(
        {"reportlab"}, lambda path: path.startswith("posapp/printing/") and "pdf" in path
    )
    assert not found, "\n".join(found)


def test_the_tills_process_never_loads_what_holds_vending_keys():
    tills = ("posapp.bootstrap.till", "posapp.services.till", "posapp.ui.window")
    keepers = [
        module
        for module in _graph().modules
        if module.startswith("posapp.security_module.reference")
    ]
    chains = [
        chain
        for till in tills
        if till in _graph().modules
        for keeper in keepers
        if (chain := _reaches(till, keeper))
    ]
    assert not chains, "\n".join(" -> ".join(chain) for chain in chains)


# --- clock and chance ---------------------------------------------------------------------------

CLOCKS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "os.urandom",
    "os.getrandom",
    "uuid.uuid1",
    "uuid.uuid4",
}
CHANCE = {"secrets", "random"}
THE_CLOCK = "posapp/clock.py"


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else ""


def test_time_and_chance_come_only_through_what_is_handed_in():
    # The demo's town and day are drawn from a seed, which the next test asks for.
    found = _imported(CHANCE, lambda path: path == THE_CLOCK or path.startswith("posapp/demo/"))
    for path, tree in _sources("posapp"):
        if path == THE_CLOCK:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                name = ".".join(_dotted(node).split(".")[-2:])
                if name in CLOCKS:
                    found.append(f"{path}:{node.lineno} calls {name}")
    assert not found, "\n".join(found)


def test_a_generator_of_chance_is_always_seeded():
    found = [
        f"{path}:{node.lineno} {_dotted(node.func)}"
        for path, tree in _sources("posapp")
        if path != THE_CLOCK
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and _dotted(node.func).startswith(("random.", "secrets."))
        and not (_dotted(node.func) == "random.Random" and node.args)
    ]
    assert not found, "\n".join(found)


def test_no_test_sleeps():
    found = [
        f"{path}:{node.lineno}"
        for path, tree in _sources("tests")
        if Path(path).name.startswith("test_")  # helpers may wait between looks, with a deadline
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _dotted(node.func) in ("time.sleep", "sleep", "qWait")
    ]
    assert not found, "\n".join(found)


# --- sizes --------------------------------------------------------------------------------------


def test_no_file_is_longer_than_six_hundred_lines():
    found = [
        f"{path.relative_to(ROOT)} has {lines} lines"
        for folder in ("posapp", "tests", "installer", "resources", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".sh") or path.name in ("bootstrap", "run")
        if path.is_file()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) >= FILE_LINES
    ]
    assert not found, "\n".join(found)


def test_no_function_is_longer_than_a_screen():
    found = [
        f"{path}:{node.lineno} {node.name} has {lines} lines"
        for path, tree in _sources("posapp", "tests", "installer")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not found, "\n".join(found)


# --- money, energy, text ------------------------------------------------------------------------

EXACT = ("domain", "sts", "store", "services", "pricing", "reports", "journal")


def _is_of_seconds(name: str) -> bool:
    return name.lower().endswith("_s")


def _durations(tree: ast.AST) -> set[ast.AST]:
    """What belongs to a name that counts seconds: PAUSE_S = 0.5, `wait_s: float`."""
    excused: set[ast.AST] = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Assign):
            names = [_dotted(target) for target in node.targets]
        elif isinstance(node, ast.AnnAssign):
            names = [_dotted(node.target)]
        elif isinstance(node, ast.arg | ast.keyword):
            names = [node.arg or ""]
        if names and all(_is_of_seconds(name) for name in names):
            excused.update(ast.walk(node))
    return excused


def test_money_and_energy_know_no_float():
    found: Found = []
    for path, tree in _sources(*(f"posapp/{package}" for package in EXACT)):
        excused = _durations(tree)
        for node in ast.walk(tree):
            is_float = (isinstance(node, ast.Constant) and isinstance(node.value, float)) or (
                isinstance(node, ast.Name) and node.id == "float"
            )
            if is_float and node not in excused:
                found.append(f"{path}:{node.lineno} {ast.unparse(node)}")
    assert not found, "\n".join(found)


def test_every_module_says_why_it_exists_in_three_lines():
    found = [
        f"{path}: {'no docstring' if text is None else 'its first paragraph is over three lines'}"
        for path, tree in _sources("posapp")
        if tree.body
        if (text := ast.get_docstring(tree)) is None or len(text.split("\n\n")[0].splitlines()) > 3
    ]
    assert not found, "\n".join(found)


def test_no_error_is_swallowed_without_a_word():
    found = [
        f"{path}:{node.lineno}"
        for path, tree in _sources("posapp")
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or _dotted(node.type) in ("Exception", "BaseException"))
        and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    assert not found, "\n".join(found)


# --- codes have words ---------------------------------------------------------------------------


def _error_names() -> set[str]:
    kinds, waiting = set(), [errors.PosError]
    while waiting:
        kind = waiting.pop()
        kinds.add(kind.__name__)
        waiting += kind.__subclasses__()
    return kinds


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


@functools.cache
def _raised() -> tuple[tuple[str, str, frozenset[str] | None], ...]:
    """Each (code, place, names of its parameters) that posapp makes by a literal code.

    The names are None where they are passed on and cannot be read.
    """
    names = _error_names()
    return tuple(
        (code, f"{path}:{node.lineno}", frozenset(given) if None not in given else None)
        for path, tree in _sources("posapp")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and _dotted(node.func) in names
        for given in [{keyword.arg for keyword in node.keywords} - {"outcome"}]
        for code in _literals(node.args[0])
    )


def test_every_code_is_upper_case_and_no_sentence():
    found = [
        f"{place} {code!r}"
        for code, place, _ in _raised()
        if not re.fullmatch(r"[A-Z][A-Z0-9_]{2,39}", code)
    ]
    assert not found, "\n".join(found)


def test_every_code_has_words():
    found = sorted({f"{code} ({place})" for code, place, _ in _raised() if code not in WORDS})
    assert not found, "\n".join(found)


def test_every_sentence_gets_the_parameters_it_names():
    found = [
        f"{place} {code} lacks {', '.join(sorted(missing))}"
        for code, place, given in _raised()
        if given is not None
        if (missing := set(re.findall(r"{(\w+)}", " ".join(WORDS.get(code, ())))) - given)
    ]
    assert not found, "\n".join(found)


# --- the project stands alone -------------------------------------------------------------------

SKIPPED_FOLDERS = {".git", ".venv", "build", "dist", "demo-out", "__pycache__"}
TEXT = {".py", ".md", ".toml", ".txt", ".sh", ".json", ".cfg", ".ini", ".ts", ".svg", ".css", ""}
HOSTS = re.compile(r"\b(pypi|pythonhosted|debian|ubuntu|npmjs|crates)\.(org|com|net|io)\b")
NUMBERED = re.compile(r"\b(issue|ticket|pull request|PR)s? #?\d+\b", re.IGNORECASE)
PAGE = re.compile(r"(?<![\w/*{-])([A-Za-z][\w-]*\.md)\b")
TOO_COMMON = {Path(name) for name in ("/", "/tmp", "/home", "/root", "/opt", "/srv", "/usr")}


@functools.cache
def _texts() -> tuple[tuple[str, str], ...]:
    texts: list[tuple[str, str]] = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [n for n in folders if n not in SKIPPED_FOLDERS and not n.endswith("_cache")]
        folders[:] = [name for name in folders if name != ".hypothesis"]
        for name in names:
            path = Path(folder, name)
            if path.suffix in TEXT and path.stat().st_size < 1 << 20:
                try:
                    texts.append((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")))
                except UnicodeDecodeError:
                    continue
    return tuple(texts)


def _said(pattern: re.Pattern[str]) -> Found:
    return [
        f"{path}:{number} {line.strip()[:90]}"
        for path, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_text_points_outside_the_project():
    pages = {Path(path).name for path, _ in _texts()}
    found = _said(HOSTS) + _said(NUMBERED)
    found += [
        f"{path}: there is no {page}"
        for path, text in _texts()
        for page in PAGE.findall(text)
        if page not in pages
    ]
    for folder in {ROOT, ROOT.parent} - TOO_COMMON:
        found += _said(re.compile(re.escape(str(folder)) + r"(/|\b)"))
    assert not found, "\n".join(found)


def test_every_link_and_folder_of_the_readme_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    folders = re.findall(r"^(?:\| )?`([\w./-]+/)`", text, re.MULTILINE)
    missing = [
        name
        for name in [*links, *folders]
        if not name.startswith("https:") and not (ROOT / name).exists()
    ]
    assert folders
    assert not missing


def test_the_readme_names_every_column_that_can_be_imported_and_no_other_command():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    columns = {
        name
        for name, _, _ in imports.CUSTOMERS + imports.METERS + accounts.ACCOUNTS + accounts.RATES
    }
    assert not {name for name in columns if f"`{name}`" not in text}
    commands = set(re.findall(r"(?m)(?:^    |`|run )posapp ((?:[a-z][a-z0-9-]* ?){1,2})", text))
    for command in sorted(commands):
        with pytest.raises(SystemExit) as end:
            cli.main([*command.split(), "--help"])
        assert end.value.code == 0, command
    assert len(commands) > 8


# --- licences -----------------------------------------------------------------------------------

ALLOWED = re.compile(
    r"(MIT(-0|-CMU)?|0?BSD|BSD-[23]-Clause|Apache-2\.0|PSF-2\.0|ISC|Zlib|CC0-1\.0|HPND"
    r"|MPL-2\.0|LGPL-3\.0-only|Unlicense)"
)
# What packages write instead of an SPDX expression.
PLAIN_NAMES = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Packages whose metadata says nothing, with what their licence file says.
READ_BY_HAND = {"sqlcipher3": "Zlib"}


def _needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> None:
    if (name, extras) in seen:
        return
    try:
        wanted = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return  # for another platform
    seen.add((name, extras))
    for text in wanted:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in extras or {""}):
            _needed(requirement.name.lower(), frozenset(requirement.extras), seen)


def _licence(name: str) -> str:
    metadata = importlib.metadata.metadata(name)
    stated = metadata.get("License-Expression") or ""
    classifiers = [
        c.rpartition(" :: ")[2]
        for c in metadata.get_all("Classifier") or []
        if c.startswith("License ::") and "Other/" not in c
    ]
    stated = stated or metadata.get("License") or " AND ".join(classifiers)
    if len(stated) > 60 or "\n" in stated:  # the whole text, or a sentence
        stated = " AND ".join(classifiers) or stated
    stated = READ_BY_HAND.get(name, stated)
    return PLAIN_NAMES.get(stated, stated)


def _allowed(expression: str) -> bool:
    return any(
        all(ALLOWED.fullmatch(part.strip("() ")) for part in choice.split(" AND "))
        for choice in expression.split(" OR ")
    )


def _dependencies() -> set[str]:
    """Everything that an installation with the tests' tools brings along, by its plain name."""
    seen: set[tuple[str, frozenset[str]]] = set()
    _needed("posapp", frozenset({"dev", "bulk"}), seen)
    names = {name for name, _ in seen} - {"posapp"}
    assert len(names) > 30
    return names


def test_every_dependency_has_a_licence_that_we_may_ship():
    found = {name: text for name in _dependencies() if not _allowed(text := _licence(name))}
    assert not found


def test_every_dependency_is_pinned_for_the_two_commands():
    pins = (ROOT / "installer" / "constraints.txt").read_text(encoding="utf-8")
    pinned = {canonicalize_name(name) for name in re.findall(r"(?m)^([\w.-]+)==[\w.]+$", pins)}
    assert len(pinned) == len([line for line in pins.splitlines() if line[:1] not in ("#", "")])
    assert {canonicalize_name(name) for name in _dependencies()} <= pinned
    assert {"hatchling", "editables", "pathspec", "pluggy", "trove-classifiers"} <= pinned
