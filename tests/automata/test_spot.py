"""How Spot is known and what is said where it is not: with modules that only pretend."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings

from agentspec.automata import backend as module
from agentspec.automata import spot
from agentspec.automata.backend import _flat, _unflat, backend
from agentspec.automata.translate import translate
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic.formula import Atom, Formula, Next
from agentspec.logic.parse import parse_formula
from tests.logic.strategies import formulas


class _Pretending:
    def __init__(self, found: ModuleType | Exception | None) -> None:
        self.found = found

    def __call__(self, name: str) -> ModuleType:
        assert name == "spot"
        if self.found is None:
            raise ModuleNotFoundError("No module named 'spot'", name="spot")
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def pretend(monkeypatch: pytest.MonkeyPatch, found: ModuleType | Exception | None) -> None:
    monkeypatch.setattr(spot.importlib, "import_module", _Pretending(found))


def test_the_package_of_pypi_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("spot")
    other.__file__ = "site-packages/spot/__init__.py"
    other.translate = lambda text: text  # type: ignore[attr-defined]
    pretend(monkeypatch, other)
    assert not spot.present()
    with pytest.raises(InvalidInput, match=r"site-packages/spot/__init__\.py is not the automata library.*conda-forge"):
        backend("spot")


def test_spot_is_known_by_what_it_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for capable in (["ltlf_to_mtdfa", "translate"], ["from_ltlf", "translate"]):
        there = ModuleType("spot")
        for name in capable:
            setattr(there, name, print)
        there.version = lambda: "2.14"  # type: ignore[attr-defined]
        pretend(monkeypatch, there)
        assert spot.present()
        assert spot.version() == "2.14"
        assert backend("spot").name == "spot"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, r"^Spot is not installed \(conda install -c conda-forge spot"),
        (ImportError("libspot.so.0: cannot open", name="spot.impl"), r"^Spot does not import: libspot"),
        (SyntaxError("print 'x'"), r"^the package 'spot' does not import: print"),
    ],
)
def test_what_keeps_it_from_working_is_said(
    monkeypatch: pytest.MonkeyPatch, found: Exception | None, message: str
) -> None:
    pretend(monkeypatch, found)
    assert not spot.present()
    for use in (spot.version, lambda: backend("spot"), lambda: spot.translate(Atom("a"))):
        with pytest.raises(InvalidInput, match=message):
            use()


def test_backends_have_names() -> None:
    assert [backend(name).name for name in ("auto", "embedded")] == ["auto", "embedded"]
    assert backend().name == "auto"
    with pytest.raises(InvalidInput, match="no backend 'sport'; did you mean 'spot'"):
        backend("sport")


def test_auto_is_the_embedded_one_while_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, None)
    formula = parse_formula("G(a -> F b)")
    assert backend("auto").translate(formula, None, "f") == translate(formula)


def test_auto_without_spot_says_what_was_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*given: object) -> None:
        raise TooLarge(f"{given[2]}: too many states")

    asked = []
    fallen = module._otherwise(refusing, lambda *given: asked.append(given))  # type: ignore[type-var]
    pretend(monkeypatch, None)
    with pytest.raises(TooLarge, match="rule 'r': too many states"):
        fallen(parse_formula("F a"), None, "rule 'r'")
    assert not asked
    monkeypatch.setattr(spot, "present", lambda: True)
    with pytest.raises(TooLarge):
        fallen(parse_formula("F O a"), None, "r")
    assert not asked, "Spot has no past"
    fallen(parse_formula("F a"), None, "r")
    assert len(asked) == 1


@settings(deadline=None)
@given(formulas(past=True))
def test_formulas_travel_to_another_process(formula: Formula) -> None:
    assert _unflat(_flat(formula)) == formula


def test_deep_formulas_travel_too() -> None:
    import pickle

    formula: Formula = Atom("a")
    for _ in range(5_000):
        formula = Next(formula)
    assert _unflat(pickle.loads(pickle.dumps(_flat(formula)))) == formula


def test_nothing_else_imports_spot() -> None:
    import agentspec

    package = Path(agentspec.__file__).parent
    importing = re.compile(r"""^\s*(?:import|from) spot\b|import_module\(["'](?:spot|buddy)""", re.MULTILINE)
    found = [
        file.relative_to(package).as_posix() for file in package.rglob("*.py") if importing.search(file.read_text())
    ]
    assert found == ["automata/spot.py"]
