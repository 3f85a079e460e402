"""Automata whose diagrams are small and whose letters are not are refused by every format, at once."""

import itertools
import time

import pytest

from agentspec.automata.draw import FORMATS, printed
from agentspec.automata.translate import translate
from agentspec.errors import TooLarge
from agentspec.logic.parse import parse_formula


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "text",
    [" xor ".join(f"p{i}" for i in range(200)), " & ".join(f"G(a{i} -> F b{i})" for i in range(9))],
    ids=["two states", "many states"],
)
def test_too_many_letters_to_print(text: str, form: str) -> None:
    automaton = translate(parse_formula(text))
    began = time.monotonic()
    with pytest.raises(TooLarge, match="letters are too many to print"):
        printed(automaton, form)
    assert time.monotonic() - began < 5


def test_too_many_arrows_for_a_picture() -> None:
    automaton = translate(parse_formula(" & ".join(f"G(a{i} -> F b{i})" for i in range(5))))
    with pytest.raises(TooLarge, match="arrows cannot be read"):
        printed(automaton, "svg")
    assert printed(automaton, "json")


def test_letters_are_counted_as_they_are_written() -> None:
    texts = ["a", "false", "true", "a xor b xor c", "G(a -> F b) & !c U b", "F(a & X b) | G !c"]
    for text, other in itertools.combinations(texts, 2):
        edges = translate(parse_formula(f"({text}) | X ({other})")).edges
        assert edges.letters() == tuple(map(len, edges))
