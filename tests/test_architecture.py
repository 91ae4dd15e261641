"""The shape of the code: who imports whom, how long things are, what is never called."""

import ast
import configparser
import io
import os
import re
import subprocess
import sys
import tokenize
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from packaging.version import Version

import sktl

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sktl"
FOLDERS = ("sktl", "tests", "benchmarks", "docs")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
MODULES = [path for path in FILES if path.is_relative_to(PACKAGE)]
BENCHMARKS = [path for path in FILES if path.is_relative_to(ROOT / "benchmarks")]

FOUNDATION = {"exceptions", "_checks", "_containers", "_state", "_store", "_types", "_version"}
FOUNDATION |= {"_progress", "_warnings", "_limits", "_echo", "_json"}
MAY_IMPORT = {
    "_limits": set(),
    "_echo": {"_limits"},
    "_json": set(),
    "exceptions": {"_echo"},
    "_types": set(),
    "_progress": set(),
    "_version": set(),
    "_checks": {"exceptions", "_limits", "_types", "_warnings"},
    "_containers": {"exceptions", "_types"},
    "_state": {"exceptions", "_types"},
    "_warnings": {"exceptions", "_types"},
    "_store": {"exceptions", "_types"},
    "representations": FOUNDATION,
    "networks": FOUNDATION,
    "sources": FOUNDATION | {"representations", "networks"},
    "training": FOUNDATION | {"representations", "networks", "sources"},
    "estimators": FOUNDATION | {"representations", "networks", "sources", "training"},
    "datasets": FOUNDATION,
    "tables": FOUNDATION | {"representations"},
    "scale": FOUNDATION | {"estimators", "tables"},
    "evaluation": FOUNDATION | {"representations", "networks", "sources", "training", "estimators"},
    "studies": FOUNDATION
    | {"representations", "networks", "sources", "training", "estimators", "datasets"}
    | {"evaluation"},
    "cli": FOUNDATION
    | {"", "representations", "networks", "sources", "training", "estimators", "datasets"}
    | {"evaluation", "studies", "scale", "tables"},
}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 45
HEAVY = ("torch", "matminer", "pymatgen", "pandas", "sklearn", "matplotlib", "skorch", "scipy")
UNSAFE_NAMES = {"eval", "exec", "__import__"}
UNSAFE_MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
UNSAFE_LOADS = {("torch", "load"), ("torch.hub", "load"), ("joblib", "load")}
UNSAFE_KEYWORDS = {("allow_pickle", True), ("weights_only", False), ("shell", True)}
IMPORT_NAMES = {"scikit-learn": "sklearn", "lazy-loader": "lazy_loader"}
OPTIONAL = {"ase", "distributed", "e3nn", "hpsklearn", "hyperopt", "openpyxl", "pyarrow", "xgboost"}
FOR_USERS = ("xgboost", "structures", "parquet", "dask", "excel")  # extras
SILENCERS = re.compile(r"\b(TODO|FIXME|XXX|noqa|type:\s*ignore|pragma:\s*no\s*cover)\b")


@cache
def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """Yield (line, dotted module, inside a function) for each import of a file."""
    tree = parse(path)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in inside
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}:{node.lineno}: relative import"
            yield node.lineno, node.module, id(node) in inside
            if node.module == "sktl":
                for alias in node.names:
                    if (PACKAGE / alias.name).is_dir() or (PACKAGE / f"{alias.name}.py").exists():
                        yield node.lineno, f"sktl.{alias.name}", id(node) in inside


def layer(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_imports_only_from_its_left(path):
    own = layer(path)
    if own == "__init__":
        allowed = {"_version"}
    else:
        assert own in MAY_IMPORT, f"{own!r} has no place in the import order"
        allowed = MAY_IMPORT[own] | ({own} if (PACKAGE / own).is_dir() else set())
    wrong = []
    for line, module, inside in imports(path):
        first, _, rest = module.partition(".")
        if first != "sktl":
            continue
        target = rest.partition(".")[0]
        if target not in allowed:
            wrong.append(f"{name(path)}:{line}: {own} imports {module}")
        if inside and own != "cli":
            wrong.append(f"{name(path)}:{line}: import of {module} inside a function")
    assert wrong == []


def test_contributing_shows_every_room():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (layout,) = re.findall(r"^## Layout$.*?^```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    shown = re.findall(r"^\w+", layout, re.MULTILINE)
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert sorted(shown) == sorted(rooms | {"exceptions"})


def test_benchmarks_use_public_names_only():
    private = [
        f"{name(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in FILES
        if path in BENCHMARKS
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and re.search(r"\bsktl\b.*[. ]_[a-z]", ast.unparse(node))
    ]
    assert private == []


@pytest.mark.parametrize("path", BENCHMARKS, ids=name)
def test_a_benchmark_imports_scripts_of_its_own_folder_only(path):
    scripts = {each.stem for each in BENCHMARKS}
    wanted = {module for _, module, _ in imports(path) if module in scripts or module[0] == "_"}
    lost = sorted(each for each in wanted if not path.with_name(f"{each}.py").exists())
    assert lost == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_file_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_function_is_long(path):
    long = []
    for node in ast.walk(parse(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = node.end_lineno - node.lineno + 1
        if ast.get_docstring(node) is not None:
            lines -= node.body[0].end_lineno - node.body[0].lineno + 1
        if lines > MAX_FUNCTION_LINES:
            long.append(f"{name(path)}:{node.lineno}: {node.name} has {lines} lines")
    assert long == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_is_silenced_or_left_open(path):
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    found = [f"{c.start[0]}: {c.string}" for c in comments if SILENCERS.search(c.string)]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nothing_runs_code_from_a_file(path):
    found = [f"imports {module}" for _, module, _ in imports(path) if module in UNSAFE_MODULES]
    for call in (node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in UNSAFE_NAMES:
            found.append(f"{call.lineno}: {call.func.id}")
        if isinstance(call.func, ast.Attribute):
            owner = ast.unparse(call.func.value)
            plain = any(ast.unparse(each) == "weights_only=True" for each in call.keywords)
            if (owner, call.func.attr) in UNSAFE_LOADS and not (owner == "torch" and plain):
                found.append(f"{call.lineno}: {owner}.{call.func.attr}")
        for keyword in call.keywords:
            value = getattr(keyword.value, "value", None)
            if isinstance(value, bool) and (keyword.arg, value) in UNSAFE_KEYWORDS:
                found.append(f"{call.lineno}: {keyword.arg}={value}")
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(parse(path)), f"{name(path)} has no docstring"


@pytest.mark.parametrize("public", [each for each in sktl.__all__ if each != "__version__"])
def test_every_public_name_is_documented(public):
    thing = getattr(sktl, public)
    assert (thing.__doc__ or "").strip(), f"sktl.{public} has no docstring"
    if not isinstance(thing, type):
        return
    bare = [
        attribute
        for attribute, value in vars(thing).items()
        if not attribute.startswith("_")
        and callable(getattr(value, "__func__", value))
        and not (getattr(thing, attribute).__doc__ or "").strip()
    ]
    assert bare == [], f"methods of sktl.{public} without a docstring"


def bounds(section, option):
    """Return the lower bound of each requirement of setup.cfg, or None where it has no such."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    found = {}
    for line in filter(None, map(str.strip, config[section][option].split("\n"))):
        name, bound = re.fullmatch(r"([\w-]+)(?:>=(\S+)|<\S+)", line).groups()
        found[name] = bound
    return found


def pins(constraints):
    lines = (ROOT / constraints).read_text(encoding="utf-8").splitlines()
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    loose = [pin for pin in found if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin)]
    assert loose == []
    return dict(pin.lower().split("==") for pin in found)


def test_dependencies_are_what_the_code_imports():
    imported = {
        module.partition(".")[0] for path in MODULES for _, module, _ in imports(path)
    } - set(sys.stdlib_module_names)
    declared = {IMPORT_NAMES.get(each, each) for each in bounds("options", "install_requires")}
    assert imported - {"sktl"} - OPTIONAL == declared


@pytest.mark.parametrize(
    ("constraints", "extras"),
    [
        ("constraints.txt", (*FOR_USERS, "test", "docs", "benchmark", "faults", "service")),
        ("constraints-latest.txt", (*FOR_USERS, "test", "docs", "faults")),
        ("constraints-lowest.txt", (*FOR_USERS, "test")),
    ],
)
def test_constraints_pin_every_direct_dependency(constraints, extras):
    direct = set(bounds("options", "install_requires"))
    direct = direct.union(*(bounds("options.extras_require", extra) for extra in extras))
    assert direct - set(pins(constraints)) == set()


def test_lower_bounds_are_what_the_lowest_set_holds():
    lowest = pins("constraints-lowest.txt")
    declared = [bounds("options", "install_requires").items()]
    declared += [bounds("options.extras_require", extra).items() for extra in FOR_USERS]
    wrong = {
        name: (bound, lowest[name])
        for name, bound in chain.from_iterable(declared)
        if Version(bound) != Version(lowest[name])
    }
    assert wrong == {}


def test_import_is_light_and_writes_nothing(tmp_path):
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "SKTL_"))
    }
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "TMPDIR": str(home)}
    shown = f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    code = f"import sys, sktl, sktl.cli; dir(sktl); {shown}"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout.split(), run.stderr) == (0, [], "")
    assert list(home.rglob("*")) + list(folder.rglob("*")) == []
