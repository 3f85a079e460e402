"""Every limit past which something is refused as too large, too deep or too slow, in one place, room by room.

Modules read them where they are used (``limits.NAME``), so one may be set for a process. ``automata.effort`` counts
what one automaton costs against its own.
"""

from __future__ import annotations

# ---- logic

TEXT_LENGTH = 100_000
"""Characters of a formula or a behavior."""

FORMULA_DEPTH = 1_000
"""Operators and parentheses of a formula that may wait for their right-hand side at one place."""

FORMULA_BOUND = 1_000
"""The largest number in bounds and beside counts of a formula."""

FORMULA_ADDED = 100_000
"""Nodes that the bounded operators and counts of one formula may add."""

BEHAVIOR_DEPTH = 200
"""Parentheses that may be open at one place of a behavior."""

BEHAVIOR_REPEAT = 1_000
"""The largest number in ``{m,n}`` of a behavior."""

BEHAVIOR_SIZE = 100_000
"""Steps and operators of a behavior in which the parts it names are written out."""

TEMPLATE_COUNT = 100
"""The largest number that a template takes; limits on steps and calls are for larger ones."""

EXPLAINED_LOOKS = 5_000_000
"""Subformulas times positions that are looked at to explain why a formula holds."""

# ---- automata

TRANSLATION_STATES = 20_000
"""States of the automaton of one formula on finite words."""

TRANSLATION_NODES = 400_000
"""Diagram nodes its translation may take."""

TRANSLATION_SECONDS = 10.0
"""Time its translation may take."""

PART_STATES = 2_000
"""States up to which the operands of a formula are translated one by one, before the formula is as a whole."""

PART_NODES = 50_000
"""Diagram nodes up to which they are."""

OMEGA_STATES = 5_000
"""States of the automaton of one formula on infinite words."""

OMEGA_NODES = 400_000
"""Diagram nodes its translation may take."""

OMEGA_SECONDS = 10.0
"""Time its translation may take."""

OMEGA_EDGES = 200_000
"""Cubes to which its transitions may come."""

EXPANSION_WAYS = 1_000
"""Ways to go on after one letter, none better than another, up to which a formula on infinite words is translated."""

SIMULATION_PAIRS = 6_400
"""Pairs of states up to which simulation is looked for, to reduce an automaton."""

SUBSET_STATES = 512
"""Sets of states up to which a language is tried to be an obligation."""

EMPTINESS_STATES = 20_000
"""States on which emptiness and inclusion of automata are decided."""

EMPTINESS_NODES = 400_000
"""Diagram nodes that may take."""

EMPTINESS_SECONDS = 10.0
"""Time that may take."""

CANONICAL_WORK = 1_000_000
"""Cases that the cubes of one automaton may be split into, to bring it into its one form."""

CANONICAL_SECONDS = 20.0
"""Time that may take."""

BEHAVIOR_STATES = 20_000
"""States of one behavior before they are minimised, and expressions they are sets of."""

BEHAVIOR_WORK = 5_000_000
"""Expressions in all states of one behavior together, where many alternatives pile up in each."""

PRODUCT_STATES = 50_000
"""States of the product of behavior and rules."""

JOINT_STATES = 50_000
"""States looked at to decide a product that is not built."""

JOINT_SECONDS = 20.0
"""Time that may take."""

JOINT_SMALL = 300
"""States from which on that search asks whether three of the rules contradict each other."""

GAME_POSITIONS = 50_000
"""Positions of a game of infinite sessions, with the memory of what is owed."""

ZIELONKA_LEAVES = 500
"""Leaves of the Zielonka tree of a condition: states of its memory."""

ZIELONKA_CLAUSES = 2_000
"""Clauses of the conditions of all rules together."""

SPOT_SECONDS = 60.0
"""Time Spot may take for one formula before its process is ended."""

SPOT_BYTES = 4 << 30
"""Memory of that process."""

HOA_TEXT = 8_000_000
"""Characters of a text in the Hanoi Omega-Automata format."""

HOA_STATES = 100_000
"""States it may have."""

HOA_EDGES = 400_000
"""Transitions it may have, and cubes to which their labels may come."""

HOA_PROPOSITIONS = 256
"""Propositions it may have."""

HOA_SETS = 256
"""Acceptance sets it may have."""

HOA_DEPTH = 64
"""Parentheses and negations around one part of a label or an acceptance condition."""

HOA_LABEL_NODES = 200_000
"""Diagram nodes its labels may take."""

HOA_LABEL_SECONDS = 20.0
"""Time its labels may take."""

HOA_PAIRS = 20_000_000
"""Pairs of transitions that are compared to see that it is deterministic."""

VIEW_LETTERS = 200_000
"""Letters of an automaton that is printed."""

VIEW_PAIRS = 10_000_000
"""Pairs of letters of one state that are compared to group them or to see that they exclude each other."""

PICTURE_STATES = 200
"""More states than anybody can see in one picture."""

PICTURE_ARROWS = 400
"""Arrows of a picture."""

PICTURE_SUMMARIZED = 2_000
"""More states than are put together to a summary."""

# ---- content

LANGUAGE_STATES = 20_000
"""States looked at to see whether a constraint has any text."""

ENDING_STATES = 100_000
"""States looked at to see how a text ends."""

FIELD_LENGTH = 10_000
"""The largest length in the type of a field."""

FORMAT_LENGTH = 2_000
"""Characters of the template of a format."""

PATTERN_LENGTH = 4_000
"""Characters of a regular expression."""

PATTERN_DEPTH = 50
"""Levels at which its groups may nest."""

PATTERN_COUNT = 10_000
"""The largest count in ``{m,n}`` of a regular expression."""

PATTERN_SIZE = 100_000
"""Characters and classes of a regular expression when its counts are written out."""

NUMBER_DIGITS = 40
"""Digits of a number that others are compared with."""

MULTIPLES_STEP = 1_000
"""The largest step, read without its point, that multiples can be told of."""

MULTIPLES_SIZE = 2_000
"""Constraints that multiples of one step may take."""

SCHEMA_DEPTH = 20
"""Levels at which a JSON Schema may nest."""

SCHEMA_BOUND = 10_000
"""Characters of a string and items of a list that a JSON Schema may ask for; larger maxima are cut to it."""

SCHEMA_WAYS = 2_000
"""Alternatives to which the logic of a JSON Schema may come at one place."""

SCHEMA_WORK = 2_000_000
"""Keywords looked at to lower one JSON Schema, in all alternatives together."""

SCHEMA_SECONDS = 10.0
"""Time that may take."""

SCHEMA_UNIQUE = 8
"""Different items of a list with ``uniqueItems``: the grammar has a place for each set of them."""

SCHEMA_COUNTED = 20_000
"""Cases to count items for ``contains`` or members for ``minProperties`` and ``maxProperties``."""

SCHEMA_NESTED = 32
"""Items of a list in which ``contains`` counts."""

SCHEMA_PATTERNS = 4
"""Patterns of names in one object, each of which may match a name or not."""

WHERE_WAYS = 200
"""Ways in which the conditions of a ``where`` may fail together that are written out."""

HISTORY_CALLS = 1_000
"""Calls of one episode; a step that has more texts than that never runs out of new ones."""

HISTORY_LENGTH = 400
"""Characters of the texts that are counted to see it."""

HISTORY_STATES = 2_000
"""Texts alike so far that are counted together."""

HISTORY_ITEMS = 8
"""Different items of a list without repeats: the grammar has a place for each set of them."""

HISTORY_WAYS = 64
"""Ways in which the comparisons of one rule can come out well."""

TOOL_FILE_BYTES = 1_000_000
"""Bytes of a file of tools or functions."""

TOOL_LOCK_BYTES = 8_000_000
"""Bytes of a ``tools.lock.json``."""

# ---- spec

YAML_LENGTH = 1_000_000
"""Characters of a YAML file."""

YAML_DEPTH = 50
"""Levels at which it may nest."""

RULE_INSTANCES = 1_000
"""Rules that are made of one with ``for``."""

STEP_LETTERS = 256
"""Letters of one step."""

NOTATION_BYTES = 1_000_000
"""Bytes of a file in the notation that ``agentspec import`` reads."""

NOTATION_DEPTH = 100
"""Lists that may be open at one place of it."""

NOTATION_WORDS = 20_000
"""Words, strings and lists of it."""

NOTATION_AGENTS = 100
"""Agents it may define."""

NOTATION_STATES = 500
"""States of one of them: what may follow what is worked out for each pair."""

# ---- guard

COST_CELLS = 5_000_000
"""Numbers in the table of what endings cost."""

SEGMENT_NODES = 48
"""Places of a segment; what lies beyond is for the next."""

# ---- decoding

EXPANDED_STATES = 20_000
"""States of a text that is written out for a grammar without intersections and complements."""

MATCHER_FUEL = 100_000_000
"""What llguidance's lexer may spend on a grammar or a token; its default is too little for predicates on long texts."""

# ---- engines

PREFIX_BYTES = 96 * 2**20
"""Bytes of what the model made of the beginnings of prompts, kept for the next episodes of the same agents."""

PREFIX_COUNT = 8
"""Beginnings of prompts that are kept."""

ENCODED_TEXTS = 256
"""Texts whose tokens are remembered: instructions, tools and worked examples, which stand in prompt after prompt."""

ENCODED_LENGTH = 4_000
"""Characters of such a text."""

CHAT_SHAPES = 64
"""Rows of roles for which it is remembered what a chat template writes around the messages."""

# ---- checking

RULES_SECONDS = 12.0
"""Time the automata of all rules may take, each of which has a limit of its own."""

AMBIGUITY_STATES = 50_000
"""Pairs of states looked at to see whether two texts can be told apart."""

ANALYSIS_SECONDS = 20.0
"""Time after which what further rules do is left out."""

# ---- toolbox

TRUST_BYTES = 8_000_000
"""Bytes of the file of what is trusted."""

# ---- episode

ASKED_DEPTH = 8
"""How deep agents may ask agents that ask agents: each is an episode within an episode."""

REPLAY_BYTES = 64 * 2**20
"""Bytes of one line of a log, or of a file that is one JSON value."""

POOL_EXAMPLES = 10_000
"""Worked episodes of one agent, of which a prompt shows a few."""

SIMILAR_LENGTH = 4_000
"""Characters at the beginning of a task by which it is compared with those of worked episodes."""

DEAF_STATES = 2_000
"""States up to which it is looked whether positions at which nothing holds can be left out."""

DEAF_ATOMS = 8
"""Propositions up to which it is."""

EXAMPLES_BYTES = 16 * 2**20
"""Bytes of a file of prompt examples."""

MAPPING_PATTERNS = 200
"""Cues and actions of a file that tells how a foreign style is read."""

NEAREST_PLACES = 20_000
"""Places (of a text, and of the automaton of another) looked at to find the nearest text; then its end is made anew."""

OUTCOMES = 32
"""Ways the outcomes of an example's calls may be read that are followed side by side from one place of the guard."""

REPAIR_PLACES = 50_000
"""Places (of an example, and of the guard) looked at to find its shortest repair."""

# ---- evaluation

DATA_BYTES = 64 * 2**20
"""Bytes of a file of items or answers, or of results."""

DATA_LINE = 2_000_000
"""Characters of one line of it, and of one item of a list."""

DATA_ITEMS = 200_000
"""Items of a file."""
