"""The house's rules, held by reading the source: who may import whom, and who may do what."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recengine import registry

ROOT = Path(__file__).parents[1]
# The stair, lowest step first; a module stands where its longest prefix does, and imports nothing from above.
STEPS = [
    ["errors"],
    ["memory"],
    ["data.vocab"],
    ["data.dataset"],
    ["data"],
    ["explain", "rank"],
    ["model"],
    ["registry"],
    ["models"],
    ["metrics", "describe", "search", "tutorial", "answers"],
    ["bootstrap", "profile", "wording", "trial", "validation"],
    ["evaluate"],
    ["codec"],
    ["store", "jobs"],
    ["shelf"],
    ["telling"],
    ["workbench", "training"],
    ["lab"],
    ["serve", "__main__"],
]
LONGEST = 400
# What a page needs to ask the lab: itself, the words of questions and answers, and its refusals.
ASKING = ("recengine.lab", "recengine.answers", "recengine.errors")

PACKAGE = sorted((ROOT / "recengine").rglob("*.py"))
PAGES = [path for path in sorted((ROOT / "pages").rglob("*.py")) if path.parent.name != "ui"]
UI = sorted((ROOT / "pages" / "ui").glob("*.py"))
FRONT = [*PAGES, *UI, *(path for path in [ROOT / "app.py"] if path.exists())]
HIDDEN_BUT_OURS = {".ci", ".github", ".streamlit"}
NOT_OURS = {"__pycache__", "build", "dist", "venv", "shared"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", [pytest.param(path, id=relative(path)) for path in paths])


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it; `from a import b` gives `a.b` where that is a module of ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: write imports in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                place = ROOT / Path(*inner.split("."))
                yield inner if place.is_dir() or place.with_suffix(".py").is_file() else str(node.module)


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def attributes(path: Path) -> set[str]:
    """Dotted names used in a file, such as `np.load` or `st.cache_data`."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {ast.unparse(node) for node in tree if isinstance(node, ast.Attribute)}


def step(module: str) -> int:
    """The stair a module of recengine stands on: that of its longest known prefix."""
    name = module.removeprefix("recengine").removeprefix(".")
    if not name:
        return 0
    places = {member: number for number, step in enumerate(STEPS) for member in step}
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in places:
            return places[".".join(parts[:length])]
    pytest.fail(f"{module} stands on no step: give it its place in STEPS, above all that it imports")


def files() -> list[Path]:
    """Every file of the project, whether git knows it yet or not."""
    found = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        folders = parts[:-1]
        hidden = any(part.startswith(".") and part not in HIDDEN_BUT_OURS for part in folders)
        ours = not hidden and not NOT_OURS & set(folders) and not any(part.endswith(".egg-info") for part in parts)
        if ours and path.is_file():
            found.append(path)
    return found


@each(PACKAGE)
def test_a_step_imports_only_its_own_and_lower_steps(path):
    own = step(module_name(path))
    for name in imports(path):
        if name.partition(".")[0] == "recengine":
            assert step(name) <= own, f"{relative(path)} imports {name}, which stands above it"


@each(PACKAGE)
def test_the_package_knows_nothing_of_the_dashboard(path):
    assert not roots(path) & {"streamlit", "plotly", "pages", "app"}


@each(PACKAGE)
def test_only_sources_opens_the_network(path):
    network = {"pooch", "requests", "httpx", "socket", "ftplib"} & roots(path)
    network |= {name for name in imports(path) if name.startswith(("urllib.request", "http.client"))}
    # The server listens; it never goes out.
    if relative(path) not in ("recengine/data/sources.py", "recengine/serve/http.py"):
        assert not network


@each(PACKAGE)
def test_only_the_codec_of_the_store_reads_and_writes_arrays(path):
    assert not roots(path) & {"pickle", "joblib", "shelve", "marshal", "dill", "cloudpickle"}
    verbs = {"save", "savez", "savez_compressed", "load", "memmap", "fromfile", "lib.format.open_memmap"}
    if relative(path) != "recengine/codec.py":
        assert not attributes(path) & {f"{numpy}.{verb}" for numpy in ("np", "numpy") for verb in verbs}
        assert not attributes(path) & {"sp.save_npz", "sp.load_npz"}


@each(PACKAGE)
def test_torch_is_imported_only_where_networks_are(path):
    if "neural" not in path.parts:
        assert "torch" not in roots(path)


@each(PAGES)
def test_a_page_picks_asks_and_draws(path):
    allowed = {"streamlit", "pages", "recengine", *sys.stdlib_module_names}
    assert roots(path) <= allowed
    for name in imports(path):
        if name.startswith("recengine"):
            assert name in ASKING, f"{relative(path)} goes past the lab to {name}"
        if name.startswith("pages"):
            assert name.startswith("pages.ui"), f"{relative(path)} imports another page"


@each(UI)
def test_what_pages_share_draws_answers_and_calculates_none(path):
    assert not roots(path) & {"numpy", "scipy", "torch", "sklearn", "numba"}
    # Widgets are made from a model's parameters, so the registry's `Parameter` may be named; what works may not.
    under_the_lab = re.compile(r"recengine\.(data|models|model|rank|store|shelf|trial|serve)\b")
    assert [name for name in imports(path) if under_the_lab.match(name)] == []


@each(FRONT)
def test_only_state_caches_for_streamlit(path):
    caching = {name for name in attributes(path) if name.partition(".")[2].startswith("cache_")}
    named = {name for name in imports(path) if "cache_" in name}
    assert path.name == "state.py" or not caching | named


def test_no_page_lies_directly_in_pages():
    """Streamlit would take such a file for a page of its own and skip app.py when a deep link comes first."""
    assert [relative(path) for path in (ROOT / "pages").glob("*.py")] == []


@each([path for path in files() if path.suffix == ".py"])
def test_a_file_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_no_file_names_a_path_of_somebodys_machine():
    machine = re.compile(r"(?<![\w.~$}])/(?:work|root|home|Users|tmp|mnt)/\w")
    found = []
    for path in files():
        content = path.read_bytes()
        if b"\0" in content:  # pictures, Parquet: no text to read
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            if machine.search(line):
                found.append(f"{relative(path)}:{number}: {line.strip()}")
    assert found == []


def test_a_list_of_models_does_not_wait_for_torch():
    code = "import sys; from recengine.lab import Lab; n = len(Lab().models()); print(n, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(len(registry.names())), "False"], done.stderr


def test_the_readme_lists_every_model():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README yet")
    rows = [line for line in readme.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    missing = [name for name in registry.names() if not any(f"`{name}`" in row for row in rows)]
    assert missing == []


HEAVY = "torch plotly streamlit numba sklearn pooch requests urllib.request http.client"


@pytest.mark.parametrize("module", ["recengine", "recengine.registry", "recengine.lab"])
def test_importing_is_cheap_and_opens_nothing(module):
    if not (ROOT / Path(*module.split("."))).with_suffix(".py").exists() and module != "recengine":
        pytest.skip(f"{module} is not there yet")
    code = f"import sys, {module}; print(*sorted(set({HEAVY.split()!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
