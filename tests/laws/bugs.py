"""Bugs to be put in on purpose, one at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agentspec.automata.game import Solution, solve
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED, Arena, build_arena
from agentspec.checking import compile as compiling
from agentspec.checking.compile import Compiled
from agentspec.content import quotation
from agentspec.content.constraint import ANY, LINE, Characters
from agentspec.decoding.landing import Landing
from agentspec.decoding.mask import Mask
from agentspec.decoding.matcher import Matcher
from agentspec.decoding.sample import Sampler
from agentspec.episode import episode as episode_module
from agentspec.episode import observe as observe_module
from agentspec.episode import transcript
from agentspec.guard import segment as segment_module
from agentspec.guard.budget import Budget, Costs
from agentspec.guard.guard import Guard, Position
from agentspec.guard.segment import Alternative, Segment
from agentspec.spec import alphabet as alphabet_module
from agentspec.spec import step as step_module
from agentspec.spec.alphabet import Alphabet
from agentspec.spec.register import CallRegister, HistoryRegister
from tests.laws.toy import ToyEngine, ToySource, toy_tokenizer

# The game -----------------------------------------------------------------------------------------------------------


def _as_models(arena: Arena) -> Arena:
    return replace(arena, owner=tuple(Owner.MODEL if owner == Owner.TOOL else owner for owner in arena.owner))


def tools_are_friends(patch: pytest.MonkeyPatch) -> None:
    """``solve`` and the costs take the tool's positions for the model's."""
    patch.setattr(compiling, "solve", lambda arena: solve(_as_models(arena)))
    honest = Costs._best

    def best(self: Costs, state: int, calls: int, shorter: Any) -> float:
        friendly = object.__new__(Costs)
        friendly.__dict__.update({**self.__dict__, "arena": _as_models(self.arena)})
        return honest(friendly, state, calls, shorter)

    patch.setattr(Costs, "_best", best)


def solve_takes_tools_for_friends(patch: pytest.MonkeyPatch) -> None:
    """Only ``solve`` does."""
    patch.setattr(compiling, "solve", lambda arena: solve(_as_models(arena)))


def solve_takes_the_model_for_an_enemy(patch: pytest.MonkeyPatch) -> None:
    """``solve`` wants all of the model's moves to be good: too much is refused."""

    def cautious(arena: Arena) -> Solution:
        return solve(replace(arena, owner=tuple(Owner.TOOL if owner else None for owner in arena.owner)))

    patch.setattr(compiling, "solve", cautious)


def ranks_ignore_violations(patch: pytest.MonkeyPatch) -> None:
    """``solve`` forgets that a tool's answer may violate a rule."""

    def hopeful(arena: Arena) -> Solution:
        moves = tuple({a: t for a, t in here.items() if t != VIOLATED} for here in arena.moves)
        return solve(replace(arena, moves=moves))

    patch.setattr(compiling, "solve", hopeful)


# The product --------------------------------------------------------------------------------------------------------


def a_rule_is_left_out(patch: pytest.MonkeyPatch) -> None:
    """The product lacks the last block rule."""
    patch.setattr(
        compiling, "build_arena", lambda a, p, structure, rules, *more: build_arena(a, p, structure, rules[:-1], *more)
    )


def tools_cannot_violate(patch: pytest.MonkeyPatch) -> None:
    """What a rule excludes does not exist for tools."""

    def kind(*args: Any) -> Arena:
        arena = build_arena(*args)
        moves = tuple(
            {a: t for a, t in here.items() if t != VIOLATED} if owner == Owner.TOOL else here
            for here, owner in zip(arena.moves, arena.owner, strict=True)
        )
        return replace(arena, moves=moves)

    patch.setattr(compiling, "build_arena", kind)


def behavior_alone_accepts(patch: pytest.MonkeyPatch) -> None:
    """Accepting is decided by the behavior and the register, whatever the rules still wait for."""
    from agentspec.automata.monitor import Monitor

    honest = Monitor.accepts_at
    steps = {"question"}

    def accepts(self: Monitor, state: int) -> bool:
        structural = steps <= set(self.dfa.propositions) and all("(" not in p for p in self.dfa.propositions)
        return honest(self, state) if structural else True

    patch.setattr(Monitor, "accepts_at", accepts)


def the_register_forgets_the_tool(patch: pytest.MonkeyPatch) -> None:
    """Any tool's answer may follow a call."""
    honest = CallRegister.step

    def step(self: CallRegister, state: int, letter: Letter) -> int | None:
        if letter.owner == Owner.TOOL and state and state % 2 == 0:
            return 0
        return honest(self, state, letter)

    patch.setattr(CallRegister, "step", step)


def the_register_forgets_the_choice(patch: pytest.MonkeyPatch) -> None:
    """Arguments may be those of another tool than the one chosen."""
    honest = CallRegister.step

    def step(self: CallRegister, state: int, letter: Letter) -> int | None:
        if letter.completes_call and state % 2 == 1 and letter.tool is not None:
            return 2 * self._index[letter.tool] + 2
        return honest(self, state, letter)

    patch.setattr(CallRegister, "step", step)


def the_register_forgets_the_call(patch: pytest.MonkeyPatch) -> None:
    """A call is not pending once it is complete."""
    honest = CallRegister.step

    def step(self: CallRegister, state: int, letter: Letter) -> int | None:
        after = honest(self, state, letter)
        return 0 if letter.completes_call and after is not None else after

    patch.setattr(CallRegister, "step", step)


def calls_may_stay_unanswered(patch: pytest.MonkeyPatch) -> None:
    """An episode may end on a call."""
    patch.setattr(CallRegister, "accepts_at", lambda _self, _state: True)


# The budget ---------------------------------------------------------------------------------------------------------


def weights_are_halved(patch: pytest.MonkeyPatch) -> None:
    """Half of the tokens that a step needs are set aside for it."""
    honest = Compiled.weights
    patch.setattr(Compiled, "weights", lambda self, spell: {a: n // 2 for a, n in honest(self, spell).items()})


def the_border_costs_nothing(patch: pytest.MonkeyPatch) -> None:
    """Off by one token a step."""
    honest = Compiled.weights
    patch.setattr(Compiled, "weights", lambda self, spell: {a: n - 1 for a, n in honest(self, spell).items()})


def what_comes_behind_costs_nothing(patch: pytest.MonkeyPatch) -> None:
    """In the midst of a step only its own end is paid for."""
    honest = Landing._begin

    def begin(self: Landing, node: int | None, cost: int = 0) -> Any:
        return tuple(replace(place, cost=0) for place in honest(self, node, cost))

    patch.setattr(Landing, "_begin", begin)


def a_token_costs_nothing(patch: pytest.MonkeyPatch) -> None:
    """What a token leads to is paid for, the token is not."""
    honest = Landing._cost
    patch.setattr(Landing, "_cost", lambda self, places, pending: honest(self, places, pending) - 1)


def landing_begins_too_late(patch: pytest.MonkeyPatch) -> None:
    """Endings are looked at when little is left."""
    honest = Landing.fits
    patch.setattr(Landing, "fits", lambda self, tokens: self.left > 12 or honest(self, tokens))


def forced_text_is_free(patch: pytest.MonkeyPatch) -> None:
    """Forced tokens are not taken off what is left in the segment."""
    honest = Landing.take

    def take(self: Landing, tokens: list[int]) -> None:
        honest(self, tokens)
        self.left += len(tokens) if len(tokens) > 1 else 0

    patch.setattr(Landing, "take", take)


def one_step_too_many(patch: pytest.MonkeyPatch) -> None:
    """Off by one step."""
    honest = Costs.tokens
    patch.setattr(Costs, "tokens", lambda self, q, steps, calls: honest(self, q, steps + 1, calls))


def one_call_too_many(patch: pytest.MonkeyPatch) -> None:
    """Off by one call."""
    honest = Costs.tokens
    patch.setattr(Costs, "tokens", lambda self, q, steps, calls: honest(self, q, steps, calls + 1))


def observations_are_no_steps(patch: pytest.MonkeyPatch) -> None:
    """A tool's step is not counted."""
    honest = Budget.after

    def after(self: Budget, letter: Letter, tokens: int) -> Budget:
        left = honest(self, letter, tokens)
        return replace(left, steps=self.steps) if letter.owner == Owner.TOOL else left

    patch.setattr(Budget, "after", after)


def costs_hope_for_the_best(patch: pytest.MonkeyPatch) -> None:
    """Of a tool's answers the cheapest is counted on (where all of them can end well)."""
    honest = Costs._best

    def best(self: Costs, state: int, calls: int, shorter: Any) -> float:
        worst = honest(self, state, calls, shorter)
        if self.arena.owner[state] != Owner.TOOL or state not in solve(self.arena).rank:
            return worst
        return min(self._after(letter, target, calls, shorter) for letter, target in self.arena.moves[state].items())

    patch.setattr(Costs, "_best", best)


# Grammar, mask, text ------------------------------------------------------------------------------------------------


def _with_more(segment: Segment, position: Position) -> Segment:
    first = segment.nodes[0]
    known = {way.letter for way in first.alternatives}
    more = tuple(
        Alternative(letter, None, 0) for letter in position.guard.possible(position.state) if letter not in known
    )
    return Segment((replace(first, alternatives=first.alternatives + more), *segment.nodes[1:]))


def the_grammar_offers_too_much(patch: pytest.MonkeyPatch) -> None:
    """A segment's first node offers every step that exists."""
    patch.setattr(episode_module, "segment", lambda p: _with_more(segment_module.segment(p), p))


def the_guard_offers_too_much(patch: pytest.MonkeyPatch) -> None:
    """``offered`` forgets the budget and what is winning, and nothing lands; ``advance`` still checks."""
    honest = Costs.tokens
    patch.setattr(Costs, "tokens", lambda self, q, steps, calls: min(honest(self, q, steps, calls), 10**5))
    patch.setattr(Guard, "offered", lambda self, q, _: self.possible(q) if self.arena.owner[q] == Owner.MODEL else ())
    patch.setattr(Landing, "fits", lambda _self, _tokens: True)


def nobody_checks(patch: pytest.MonkeyPatch) -> None:
    """``offered`` forgets the tokens that are left, nothing lands, and ``advance`` believes everything."""
    honest = Guard.offered
    patch.setattr(Guard, "offered", lambda self, q, left: honest(self, q, replace(left, tokens=10**6)))
    patch.setattr(Landing, "fits", lambda _self, _tokens: True)

    def advance(self: Position, letter: Letter, tokens: int = 0, **_landed: bool) -> None:
        target = self.guard.arena.moves[self.state][letter]
        self._past.append((self.state, self.left))
        self.state, self.left = target if target != VIOLATED else self.state, self.left.after(letter, tokens)

    patch.setattr(Position, "advance", advance)


def the_grammar_may_end_anywhere(patch: pytest.MonkeyPatch) -> None:
    """Every node of a segment may end."""

    def everywhere(position: Position) -> Segment:
        return Segment(tuple(replace(node, may_end=True) for node in segment_module.segment(position).nodes))

    patch.setattr(episode_module, "segment", everywhere)


def the_mask_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """The mask's bits are shifted by one token."""
    honest = Matcher.allowed
    patch.setattr(Matcher, "allowed", lambda self: Mask.of(np.roll(honest(self).bools, 1)))


def the_sampler_ignores_the_mask(patch: pytest.MonkeyPatch) -> None:
    """Any token may be drawn, and none is too many."""
    honest = Sampler.ranked
    many = len(toy_tokenizer().tokens)

    def ranked(self: Sampler, logits: Any, _allowed: Any, position: int, *more: Any) -> Any:
        return honest(self, logits[:many], None, position, *more)

    patch.setattr(Sampler, "ranked", ranked)
    patch.setattr(Landing, "fits", lambda _self, _tokens: True)


def observations_stand_unframed(patch: pytest.MonkeyPatch) -> None:
    """``framed`` returns the text as it is."""
    patch.setattr(transcript, "framed", lambda text: text)


def newlines_alone_are_framed(patch: pytest.MonkeyPatch) -> None:
    """``framed`` knows one kind of line end only."""
    patch.setattr(transcript, "framed", lambda text: text.replace("\n", "\n  "))


def special_tokens_are_parsed(patch: pytest.MonkeyPatch) -> None:
    """The text of a special token becomes that token."""

    def encode(_self: ToyEngine, text: str) -> list[int]:
        tokenizer = toy_tokenizer()
        parts = [tokenizer(part) for part in text.split("<|im_end|>")]
        return [t for i, part in enumerate(parts) for t in ([tokenizer.special] * (i > 0) + part)]

    patch.setattr(ToyEngine, "encode", encode)


def the_wrong_outcome(patch: pytest.MonkeyPatch) -> None:
    """An exception in a tool is taken for a declared error result."""
    from agentspec.episode import observe
    from agentspec.toolbox.tool import call

    patch.setattr(observe, "call", lambda tool, values: replace(call(tool, values), error=False))


# Predicates, quotations, lines --------------------------------------------------------------------------------------


def predicates_read_the_transcript(patch: pytest.MonkeyPatch) -> None:
    """A predicate reads indentation and closing delimiter instead of what is said."""
    patch.setattr(alphabet_module, "written", lambda texts, _step: texts)


def predicates_read_what_is_shown(patch: pytest.MonkeyPatch) -> None:
    """Of a result, only what was shown is read."""
    honest = observe_module.heard
    patch.setattr(
        observe_module, "heard", lambda c, q, p, facts, _text, shown, value: honest(c, q, p, facts, shown, shown, value)
    )


def negations_are_dropped(patch: pytest.MonkeyPatch) -> None:
    """The letter without a predicate has the texts with it, too."""
    patch.setattr(alphabet_module, "Not", lambda _body: Characters(ANY, 0, None))


def _with_conditions(patch: pytest.MonkeyPatch, other: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    honest = alphabet_module.valuation

    def valuation(schema: Any, conditions: Any, *, what: str) -> Any:
        return honest(schema, [(other(condition), sign) for condition, sign in conditions], what=what)

    patch.setattr(alphabet_module, "valuation", valuation)


def bounds_are_inclusive(patch: pytest.MonkeyPatch) -> None:
    """``exclusiveMinimum`` is read as ``minimum``."""
    _with_conditions(patch, lambda asked: json.loads(json.dumps(asked).replace("exclusiveMinimum", "minimum")))


def only_the_first_property_counts(patch: pytest.MonkeyPatch) -> None:
    """Of a condition on several properties only the first is looked at."""
    _with_conditions(patch, lambda asked: dict(list(asked.items())[:1]))


def errors_fulfil_predicates(patch: pytest.MonkeyPatch) -> None:
    """A failure that says the right words is as good as a result."""
    honest = Alphabet.of_others

    def of_others(self: Alphabet, possible: Any, built_in: frozenset[str], text: str) -> Any:
        ok = frozenset(re.sub(r"^failed\(", "ok(", name) for name in built_in if name != "error")
        return honest(self, possible, built_in, text) if ok == built_in else honest(self, possible, ok, text)

    patch.setattr(Alphabet, "of_others", of_others)


def emptiness_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """A step that quotes exists whether or not there is anything to quote."""
    patch.setattr(HistoryRegister, "step", lambda _self, state, _letter: state)


def what_is_cut_can_be_quoted(patch: pytest.MonkeyPatch) -> None:
    """Quotations are taken from the whole result, not from what was shown of it."""
    honest = observe_module.heard
    patch.setattr(
        observe_module, "heard", lambda c, q, p, facts, text, _shown, value: honest(c, q, p, facts, text, text, value)
    )


def quotations_need_no_words(patch: pytest.MonkeyPatch) -> None:
    """Any part of a text can be quoted, not only whole words."""
    patch.setattr(quotation, "_words", lambda line: list(line))
    patch.setattr(quotation, "_chunked", quotation._chunked.__wrapped__)  # what was cut before is not kept


def lines_are_cut_early(patch: pytest.MonkeyPatch) -> None:
    """A text of several lines ends at its first newline."""
    honest = transcript.split_step

    def split(steps: Any, text: bytes, *, final: bool = False) -> Any:
        return honest([replace(step, max_lines=1) for step in steps], text, final=final)

    patch.setattr(episode_module, "split_step", split)


def lines_stand_unindented(patch: pytest.MonkeyPatch) -> None:
    """Later lines of a text begin where they like."""
    patch.setattr(step_module, "CONTINUED", {"\n": "\n"})


def the_delimiter_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """A free region ends at its first newline."""
    honest = transcript.split_step

    def split(steps: Any, text: bytes, *, final: bool = False) -> Any:
        return honest([replace(step, until="") for step in steps], text, final=final)

    patch.setattr(episode_module, "split_step", split)


def free_lines_begin_with_cues(patch: pytest.MonkeyPatch) -> None:
    """A line of a free region may look like a step."""
    patch.setattr(step_module, "_begins_with_none", lambda _prefixes: Characters(LINE, 0, None))


def the_calls_frame_is_wrong(patch: pytest.MonkeyPatch) -> None:
    """A call names another tool than it is for."""
    honest = alphabet_module._call_frame
    patch.setattr(alphabet_module, "_call_frame", lambda step, tool: honest(step, tool[:-1]))


def the_end_of_lines_stays(patch: pytest.MonkeyPatch) -> None:
    """The end token behind several lines is not taken back."""
    patch.setattr(ToySource, "rollback", lambda _self, _tokens: None)
