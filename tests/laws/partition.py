"""The letters of a step and tool share no text and together have all of the step's: by automata, and by sampling."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, islice
from random import Random

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled
from agentspec.content.constraint import And, Choice, Constraint, Not, Quote, fold, rebuilt
from agentspec.content.language import Language, matches
from agentspec.content.quotation import any_quotation
from agentspec.errors import TooLarge
from tests.laws.meaning import true_of
from tests.laws.samples import contents
from tests.laws.specs import RandomSpec
from tests.laws.written import sources

Groups = dict[tuple[str, str | None], list[Letter]]


def unbound(constraint: Constraint) -> Constraint:
    """Quotations may hold any words."""
    return fold(
        constraint, lambda node, parts: any_quotation(node) if isinstance(node, Quote) else rebuilt(node, parts)
    )


def groups(compiled: Compiled) -> Groups:
    found: Groups = defaultdict(list)
    for letter in compiled.alphabet.letters:
        if letter.owner == Owner.MODEL:
            found[str(letter.step), letter.tool].append(letter)
    return found


def some(constraint: Constraint) -> bool:
    """Whether the constraint has a text that can be found."""
    try:
        return not Language(constraint).is_empty()
    except TooLarge:  # sampling must do
        return False


def check_by_automata(compiled: Compiled) -> int:
    """Disjoint, complete and none empty, by emptiness of intersections. Returns how many groups were looked at."""
    found = groups(compiled)
    assert found.keys() == compiled.alphabet.wholes.keys()
    for key, letters in found.items():
        whole = unbound(compiled.alphabet.wholes[key])
        parts = [unbound(compiled.contents[letter]) for letter in letters]
        for one, other in combinations(parts, 2):
            assert not some(And((one, other))), f"law: letters of {key} share a text"
        together = Choice(tuple(parts))
        assert not some(And((whole, Not(together)))), f"law: the letters of {key} have all its texts"
        assert not some(And((together, Not(whole)))), f"law: the letters of {key} have no other texts"
        assert not any(Language(part).is_empty() for part in parts), f"law: no letter of {key} is without a text"
    return len(found)


def check_by_sampling(spec: RandomSpec, compiled: Compiled) -> int:
    """Each text of a step is that of exactly one letter, the one whose predicates are true of it."""
    looked = 0
    for (name, tool), letters in groups(compiled).items():
        if sources(spec.document["steps"][name]):
            continue
        schema = spec.schemas[tool].parameters if tool else None
        for text in islice(contents(spec.document, name, Random(f"{name} {tool}"), tool, schema), 12):
            whole = [letter for letter in letters if matches(compiled.contents[letter], text)]
            assert len(whole) == 1, f"law: {text!r} is a text of one letter, not of {list(map(str, whole))}"
            held = whole[0].true & set(spec.document.get("propositions", {}))
            assert held == true_of(spec.document, name, text, tool), f"law: what holds at {text!r}"
            looked += 1
    return looked
