"""The laws have teeth: bugs put in on purpose, one at a time, are each caught within a bounded number of specs.

Each bug says how it is caught. Where another check of the package stops it first, the episode ends as
``engine_fault`` (fail closed) and the law *always finished* is what fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from agentspec.errors import InvalidInput
from tests.laws import bugs, handler_bugs
from tests.laws.harness import Count, check_game, episodes_of
from tests.laws.partition import check_by_sampling
from tests.laws.played import compiled_of
from tests.laws.specs import spec_from

Patch = Callable[[pytest.MonkeyPatch], None]
Harness = Callable[[int, str], None]
SPECS = [*range(5000, 5120)]
FAULT = "law: always finished, not engine_fault: "


def by_episodes(seed: int, focus: str) -> None:
    episodes_of(seed, Count(), focus=focus)


def by_game(seed: int, focus: str) -> None:
    spec = spec_from(seed, focus)
    try:
        compiled = compiled_of(spec)
    except InvalidInput:
        return
    check_game(spec, compiled, 7, 600)


def by_sampling(seed: int, focus: str) -> None:
    spec = spec_from(seed, focus)
    try:
        compiled = compiled_of(spec)
    except InvalidInput:
        return
    check_by_sampling(spec, compiled)


@cache
def passes_without_bug(harness: Harness, seed: int, focus: str) -> bool:
    harness(seed, focus)
    return True


@dataclass(frozen=True)
class Bug:
    patch: Patch
    caught: str
    harness: Harness = by_episodes
    focus: str = ""
    first: int = 0
    """The spec to begin with: the one that showed it when last looked."""

    def __str__(self) -> str:
        return f"{self.patch.__name__} {self.harness.__name__}"


BUGS = [
    Bug(bugs.tools_are_friends, f"{FAULT}after observation .* no good end is sure"),
    Bug(bugs.tools_are_friends, "by definition False", by_game, first=15),
    Bug(bugs.solve_takes_tools_for_friends, "law: what is realizable can be done within some budget", first=27),
    Bug(bugs.solve_takes_tools_for_friends, "by definition False", by_game, first=15),
    Bug(bugs.solve_takes_the_model_for_an_enemy, "by definition True", by_game),
    Bug(bugs.ranks_ignore_violations, "by definition False", by_game, first=16),
    Bug(bugs.a_rule_is_left_out, "law: the rule .* holds"),
    Bug(bugs.a_rule_is_left_out, "by definition False", by_game),
    Bug(bugs.tools_cannot_violate, f"{FAULT}no letter holds the outcome", first=27),
    Bug(bugs.tools_cannot_violate, "by definition False", by_game, first=27),
    Bug(bugs.behavior_alone_accepts, "law: the rule .* holds"),
    Bug(bugs.the_register_forgets_the_tool, "law: .*( answers a call that was made|is answered by its own tool)"),
    Bug(bugs.the_register_forgets_the_choice, "law: .* completes the call of"),
    Bug(bugs.the_register_forgets_the_call, "rank None, by definition True", by_game),
    Bug(
        bugs.calls_may_stay_unanswered,
        "law: no episode ends on an unanswered call|no good end is sure",
        by_episodes,
        "unanswered",
    ),
    Bug(bugs.calls_may_stay_unanswered, "by definition False", by_game, "unanswered"),
    Bug(bugs.weights_are_halved, FAULT),
    Bug(bugs.the_border_costs_nothing, FAULT),
    Bug(bugs.what_comes_behind_costs_nothing, FAULT),
    Bug(bugs.a_token_costs_nothing, FAULT),
    Bug(bugs.landing_begins_too_late, FAULT),
    Bug(bugs.forced_text_is_free, "law: "),
    Bug(bugs.one_step_too_many, "law: .* steps are within"),
    Bug(bugs.one_call_too_many, "law: calls are within"),
    Bug(bugs.observations_are_no_steps, "law: .* steps are within"),
    Bug(bugs.costs_hope_for_the_best, f"{FAULT}after observation .* no good end is sure"),
    Bug(bugs.the_grammar_offers_too_much, f"{FAULT}.*(not within its constraint|no good end is sure)"),
    Bug(bugs.the_guard_offers_too_much, f"{FAULT}.*(no good end is sure|does not allow|no token fits)"),
    Bug(bugs.nobody_checks, "law: "),
    Bug(bugs.the_grammar_may_end_anywhere, f"{FAULT}the model ended where the guard does not allow it"),
    Bug(bugs.the_mask_is_off_by_one, f"{FAULT}the matcher refused"),
    Bug(bugs.the_sampler_ignores_the_mask, f"{FAULT}the matcher refused|is not text"),
    Bug(bugs.observations_stand_unframed, "law: .* is shown framed"),
    Bug(bugs.newlines_alone_are_framed, "law: .* is shown framed"),
    Bug(bugs.special_tokens_are_parsed, "is not text"),
    Bug(bugs.the_wrong_outcome, "law: .* tells of Call"),
    Bug(bugs.predicates_read_the_transcript, "law: ", by_game, "lines", first=6),
    Bug(bugs.predicates_read_what_is_shown, "law: at .* is true of", by_episodes, "predicates", first=64),
    Bug(bugs.negations_are_dropped, "law: at .* is true of", by_episodes, "predicates", first=10),
    Bug(bugs.negations_are_dropped, "law: ", by_game, "predicates"),
    Bug(bugs.bounds_are_inclusive, "law: what holds at", by_sampling, "predicates", first=8),
    Bug(bugs.only_the_first_property_counts, "law: what holds at", by_sampling, "predicates", first=62),
    Bug(bugs.negations_are_dropped, "law: .* is a text of one letter", by_sampling, "predicates"),
    Bug(bugs.errors_fulfil_predicates, "law: ", by_episodes, "predicates"),
    Bug(bugs.emptiness_is_ignored, "by definition", by_game, "quotes", first=22),
    Bug(bugs.what_is_cut_can_be_quoted, "law: ", by_episodes, "quotes", first=14),
    Bug(bugs.quotations_need_no_words, "law: ", by_episodes, "quotes", first=14),
    Bug(bugs.lines_are_cut_early, FAULT, by_episodes, "lines", first=11),
    Bug(bugs.lines_stand_unindented, "law: ", by_episodes, "lines", first=8),
    Bug(bugs.the_delimiter_is_ignored, FAULT, by_episodes, "lines"),
    Bug(bugs.free_lines_begin_with_cues, "law: .* begins with a cue", by_episodes, "lines", first=56),
    Bug(bugs.the_calls_frame_is_wrong, "law: ", first=15),
    Bug(bugs.the_end_of_lines_stays, "is not text|law: ", by_episodes, "lines", first=88),
    *(
        Bug(patch, caught, harness, "handlers", first)
        for patch, caught, harness, first in [
            (handler_bugs.a_proposal_needs_no_guard, f"{FAULT}the guard does not allow", by_episodes, 57),
            (handler_bugs.a_proposal_needs_no_budget, f"{FAULT}.*(no good end is sure|does not allow)", by_episodes, 0),
            (handler_bugs.a_proposal_needs_no_content, "law: ", by_episodes, 0),
            (handler_bugs.faults_of_handlers_are_fine, "law: .* tells of Doing", by_episodes, 0),
            (handler_bugs.handlers_write_anywhere, "law: nothing comes between", by_episodes, 0),
            (handler_bugs.what_is_hidden_is_shown, "law: ", by_episodes, 7),
            (handler_bugs.steps_of_code_that_need_not_be_come_anyway, f"{FAULT}.*no good end is sure", by_episodes, 47),
        ]
    ),
]


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_the_laws_catch(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in [*SPECS[bug.first :], *SPECS[: bug.first]]:
        with monkeypatch.context() as patch:
            bug.patch(patch)
            problem = failure(bug, seed)
        assert passes_without_bug(bug.harness, seed, bug.focus), "the laws hold where there is no bug"
        if problem is not None:
            assert re.search(bug.caught, problem, re.DOTALL), problem
            print(f"{bug}: spec {seed - SPECS[0]}, {problem.splitlines()[0][:120]}")
            return
    pytest.fail(f"{len(SPECS)} specs did not show {bug}: {bug.patch.__doc__}")


def failure(bug: Bug, seed: int) -> str | None:
    """What the harness says against a spec, or None."""
    try:
        bug.harness(seed, bug.focus)
    except AssertionError as problem:
        return str(problem)
    return None
