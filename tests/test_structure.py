"""The rooms: one direction of imports, torch and transformers in one place, no file of many ideas."""

from __future__ import annotations

import ast
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import agentspec

PACKAGE = Path(agentspec.__file__).parent
ROOMS = [
    "logic", "automata", "content", "spec", "guard", "decoding", "checking", "engines", "toolbox", "episode", "api",
    "evaluation", "cli",
]  # fmt: skip
EVERYWHERE = {"errors", "limits", "reading", "shipped"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
HEAVY = {"torch", "transformers"}
MAY_IMPORT_HEAVY = {"engines/transformers.py", "engines/convert.py"}


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_each_room_imports_only_to_its_left() -> None:
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room not in ROOMS:
            continue
        for name in imports(file):
            parts = name.split(".")
            if parts[0] == "agentspec" and len(parts) > 1 and parts[1] in ROOMS:
                assert ROOMS.index(parts[1]) <= ROOMS.index(room), f"{file.relative_to(PACKAGE)} imports {name}"


def test_what_all_may_import_imports_no_room() -> None:
    for name in EVERYWHERE:
        assert not {i for i in imports(PACKAGE / f"{name}.py") if i.startswith("agentspec.")}


def test_every_limit_is_described_and_read_where_it_is_used() -> None:
    body = ast.parse((PACKAGE / "limits.py").read_text(encoding="utf-8")).body
    names = set()
    for one, behind in pairwise([*body, ast.Pass()]):
        if isinstance(one, ast.Assign):
            assert isinstance(behind, ast.Expr), f"line {one.lineno}: a limit without a word about it"
            names |= {target.id for target in one.targets if isinstance(target, ast.Name)}
    read, bound_early = set(), set()
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        bodies = [line for node in ast.walk(tree) if isinstance(node, FUNCTIONS) for line in node.body]
        late = {id(node) for line in bodies for node in ast.walk(line)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "limits":
                (read if id(node) in late else bound_early).add(node.attr)
        assert "from agentspec.limits import" not in ast.unparse(tree), f"{file}: a limit is read as limits.NAME"
    assert not bound_early, "read when the module is imported, so that setting it comes too late"
    assert read & names == names, f"nobody reads {sorted(names - read)}"


def test_every_module_lies_in_a_room() -> None:
    top = {file.stem for file in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert top == EVERYWHERE
    assert {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").is_file()} == set(ROOMS)


def test_only_the_engine_and_the_conversion_import_torch_and_transformers() -> None:
    for file in PACKAGE.rglob("*.py"):
        if {name.split(".")[0] for name in imports(file)} & HEAVY:
            assert str(file.relative_to(PACKAGE)) in MAY_IMPORT_HEAVY


def test_nothing_reads_regexes_of_authors_with_python_re() -> None:
    """Content is decided by our own constraints; `re` stays where our own tokenizers and tools use it."""
    for room in ("content/constraint.py", "content/json_schema.py", "episode/transcript.py", "decoding/decode.py"):
        assert "re" not in imports(PACKAGE / room)


def test_help_and_check_start_without_heavy_imports() -> None:
    code = (
        "import sys; sys.argv = ['agentspec', *{arguments}]\n"
        "from agentspec.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as ending: assert not ending.code, ending.code\n"
        "heavy = {{'torch', 'transformers', 'numpy', 'llguidance', 'networkx', 'huggingface_hub'}} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for arguments in (["--help"], ["check", "react", "react-zero"], ["automaton", "G(a -> F b)", "--format", "json"]):
        subprocess.run(
            [sys.executable, "-c", code.format(arguments=arguments)], check=True, capture_output=True, timeout=60
        )


def test_shipped_tools_are_not_imported_by_check() -> None:
    code = (
        "import sys; sys.argv = ['agentspec', 'check', 'react']\n"
        "from agentspec.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not [n for n in sys.modules if 'calculator' in n or 'lookup' in n]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
