"""The README is true: its snippets run, its commands print what it shows, and it names all there is."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from recengine import registry
from recengine.data import split
from recengine.metrics import NAMES
from recengine.serve import terminal
from recengine.serve.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def console() -> list[tuple[str, list[str]]]:
    """Each command shown, with the lines shown below it."""
    told = [part.splitlines() for block in blocks("console") for part in block.split("$ ")[1:]]
    return [(lines[0], [line for line in lines[1:] if line.strip() != "…"]) for lines in told]


@pytest.fixture
def own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("RECENGINE_CACHE", str(tmp_path_factory.getbasetemp() / "readme"))


def test_the_two_commands_are_there_letter_by_letter():
    start = "python -m venv .venv && . .venv/bin/activate && pip install -r requirements.txt && "
    assert [f"{start}streamlit run app.py\n", f"{start}pytest\n"] == blocks("sh")[:2]


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_the_notebook_snippets_run(number, own_cache, capsys):
    exec(compile(blocks("python")[number], f"README.md, snippet {number}", "exec"), {})
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(("command", "lines"), console(), ids=[command for command, _ in console()])
def test_commands_print_what_is_shown(command, lines, own_cache, request, monkeypatch, capsys):
    if "ml-100k" in command:
        monkeypatch.setenv("RECENGINE_DATA", str(request.getfixturevalue("ml100k_zip").parent))
    python, dash_m, name, *arguments = shlex.split(command)
    assert (python, dash_m, name) == ("python", "-m", "recengine")
    status = terminal.run(app, arguments)
    out, err = capsys.readouterr()
    assert status == 0, err
    printed = [" ".join(line.split()) for line in out.splitlines()]
    for line in lines:
        # "…" stands for anything; so does the width of a column.
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("…"))
        assert any(re.search(pattern, found) for found in printed), f"{line!r} is not in\n{out}"


def test_every_command_is_documented():
    commands = typer.main.get_command(app).commands
    cache = [f"cache {name}" for name in commands["cache"].commands]
    for name in [*(name for name in commands if name != "cache"), *cache]:
        assert f"**`{name}`**" in README
        assert any(shown.startswith(f"python -m recengine {name}") for shown, _ in console())


def test_every_option_shown_exists():
    commands = typer.main.get_command(app).commands
    known = {opt for command in commands.values() for parameter in command.params for opt in parameter.opts}
    section = README.split("## The command line")[1].split("\n## ")[0]
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", section)) <= known | {"--help"}


def test_every_model_is_in_the_table():
    for name in registry.names():
        kind = registry.model_class(name)
        assert re.search(rf"^\| `{name}` \| {kind.family} \|", README, re.MULTILINE)


def test_every_split_and_metric_is_named():
    for name in [*split.PARAMETERS, "u1", "u5", "ua", "ub", *NAMES]:
        assert f"`{name}`" in README


def test_the_path_names_files_that_are_there_and_all_of_the_top():
    table = README.split("## The path")[1].split("\n## ")[0]
    named = set(re.findall(r"`(?:recengine/)?(?:data/)?([a-z]+\.py)`", table))
    top = {path.name for path in (ROOT / "recengine").glob("[a-z]*.py")}
    data = {path.name for path in (ROOT / "recengine" / "data").glob("[a-z]*.py")}
    assert named - {"app.py"} <= top | data
    assert top - named <= {"errors.py", "tutorial.py"}


def test_links_lead_to_files_and_headings_that_are_there():
    headings = {f"#{text.lower().replace(' ', '-')}" for text in re.findall(r"^#+ (.*)$", README, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target in headings if target.startswith("#") else (ROOT / target).exists()
