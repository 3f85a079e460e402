"""Every key of every kind of step: what may stand there, and what is said, and where, of what may not."""

from __future__ import annotations

import re

import pytest

from agentspec.content.language import matches
from agentspec.content.quotation import bind
from agentspec.errors import InvalidInput
from agentspec.spec.load import load_text
from agentspec.spec.model import Step

HEAD = """version: 1
name: one
steps:
  q: {by: user, cue: "[Q]"}
  o: {by: tool, cue: "[O]"}
  n: {by: model, cue: "[N]", tool: call}
  s: {by: model, cue: "[S]", KIND}
behavior: q (n o)? s
"""


def step(kind: str) -> Step:
    return load_text(HEAD.replace("KIND", kind)).spec.steps["s"]


INTEGER = "input should be a valid integer"
AT_LEAST = "input should be greater than or equal to 1, not"
BROKEN: list[tuple[str, str, str]] = [
    ("", "needs exactly one of text, choice, regex, json_schema, tool, span, format, free", "s: {by"),
    ("text: null", "needs exactly one of text, choice, regex", "s: {by"),
    ("text: {}, choice: [a]", "format, free, not text and choice", "s: {by"),
    ("text: {}, free: x", "format, free, not text and free", "s: {by"),
    ("txt: {}", "unknown key 'txt'; did you mean 'text'?", "txt"),
    ("jsonschema: {}", "unknown key 'jsonschema'; did you mean 'json_schema'?", "jsonschema"),
    ("lark: x", "the key 'lark' is not supported by this version yet", "lark"),
    ("text: {}, max_tokens: 50", "'max_tokens' is for steps of tools and users", "max_tokens"),
    # text
    ("text: {max_char: 3}", "unknown key 'max_char'; did you mean 'max_chars'?", "max_char"),
    ("text: {max_line: 3}", "unknown key 'max_line'; did you mean 'max_lines'?", "max_line"),
    ("text: {min_chars: 0}", f"steps.s.text.min_chars: {AT_LEAST} '0'", "0}}"),
    ("text: {max_chars: 10001}", "steps.s.text.max_chars: input should be less than or equal to 10000", "10001"),
    ("text: {max_chars: many}", f"steps.s.text.max_chars: {INTEGER}, not 'many'", "many"),
    ("text: {max_chars: true}", f"steps.s.text.max_chars: {INTEGER}", "true"),
    ("text: {max_lines: 0}", f"steps.s.text.max_lines: {AT_LEAST} '0'", "0}}"),
    ("text: {max_lines: 501}", "steps.s.text.max_lines: input should be less than or equal to 500", "501"),
    ("text: {max_lines: 1.5}", f"steps.s.text.max_lines: {INTEGER}, not '1.5'", "1.5"),
    ("text: {min_chars: 9, max_chars: 8}", "min_chars is more than max_chars", "{min_chars"),
    ("text: hello", "steps.s.text: input should be", "hello"),
    # choice
    ("choice: yes", "steps.s.choice: input should be a valid list", "yes"),
    ("choice: []", "steps.s.choice: list should have at least 1 item", "[]"),
    ("choice: [1]", "steps.s.choice.0: input should be a valid string, not '1'", "1]"),
    ("choice: [a, b, a]", "a choice is a distinct, printable line", "a]"),
    # regex
    ("regex: 'a('", "this '(' is never closed", "('}"),
    ("regex: {pattern: 'a('}", "this '(' is never closed", "('}"),
    ('regex: "(?=a)b"', "look-ahead (?= cannot be used here", "(?=a)"),
    ("regex: '(a)\\1'", "the back-reference \\1 cannot be used here", "\\1"),
    ("regex: {pattern: 'ba*?'}", "the lazy quantifier '*?' cannot be used here", "*?"),
    ("regex: ''", "no line of 1 to 200 characters that begins with a visible one matches '' as a whole", "''"),
    ("regex: ' a'", "no line of 1 to 200 characters that begins with a visible one matches ' a'", "' a'"),
    ("regex: '\\n'", "no line of 1 to 200 characters", "'\\n'"),
    ("regex: {pattern: 'a{5}', max_chars: 4}", "no line of 1 to 4 characters", "'a{5}'"),
    ("regex: {pattern: a, max_chars: 0}", f"steps.s.regex.max_chars: {AT_LEAST} '0'", "0}}"),
    ("regex: {patern: a}", "unknown key 'patern'; did you mean 'pattern'?", "patern"),
    ("regex: {}", "the key 'pattern' is missing", "regex"),
    ("regex: 3", "steps.s.regex: input should be", "3"),
    # json_schema
    ("json_schema: {not: {}}", "json_schema: #: no value satisfies the schema", "{not"),
    ("choice: [a], json_options: {depth: 1}", "'json_options' is for steps with json_schema", "json_options"),
    ("json_schema: {}, json_options: {mode: lax}", "steps.s.json_options.mode: input should be", "lax"),
    ("json_schema: {type: strin}", "json_schema: #/type: needs one or more of string, integer", "{type"),
    ("json_schema: {type: string, format: iri}", "#/format: the format 'iri' cannot be enforced", "{type"),
    (
        "json_schema: {type: object, properties: {a: {anyOf: [{type: string}, {type: strin}]}}}",
        "json_schema: #/properties/a/anyOf/1/type: needs one or more of", "{type: object",
    ),
    ("json_schema: {type: integer, minimum: 5, maximum: 4}", "#/minimum: no value satisfies this", "{type"),
    ("json_schema: {type: string, pattern: 'a('}", "this '(' is never closed", "{type"),
    ("json_schema: [a]", "steps.s.json_schema: input should be a valid dictionary", "[a]"),
    # tool
    ("tool: names", "steps.s.tool: input should be 'name', 'arguments' or 'call', not 'names'", "names"),
    # span
    ("span: x", "text can be quoted from steps of tools and users; 'x' is unknown; valid: q, o", "x}"),
    ("span: {of: [o, qq]}", "'qq' is unknown; did you mean 'q'?", "[o, qq]"),
    ("span: s", "steps of tools and users; 's' is the model's own; valid: q, o", "s}"),
    ("span: {of: n}", "'n' is the model's own; valid: q, o", "n}}"),
    ("span: {of: []}", "steps.s.span.of: list should have at least 1 item", "[]"),
    ("span: {from: o}", "unknown key 'from'; valid: of, max_chars", "from"),
    ("span: {of: o, max_char: 4}", "unknown key 'max_char'; did you mean 'max_chars'?", "max_char"),
    ("span: {of: o, max_chars: 0}", f"steps.s.span.max_chars: {AT_LEAST} '0'", "0}}"),
    ("span: {max_chars: 4}", "the key 'of' is missing", "span"),
    # format
    ("format: '{n:integer}'", "'integer' is no type of a field; did you mean 'int'?", "integer"),
    ("format: {template: '{n:integer}'}", "'integer' is no type of a field; did you mean 'int'?", "integer"),
    ("format: '{n}'", "the field 'n' has no type; write {n:text}", "}'"),
    ("format: 'a {n:int'", "the field 'n' is not closed", "'}"),
    ("format: 'n:int}'", "this '}' closes no field; a brace is written }}", "}'"),
    ("format: ''", "a template is not empty", "'}"),
    ("format: '{n:int} {n:int}'", "the field 'n' stands twice", "}'"),
    ("format: '{t:text(0)}'", "a length is a whole number from 1 to 10000, not '0'", "0)"),
    ("format: '{t:regex(()}'", "this '(' is never closed", "(()"),
    ("format: '{t:regex(a{2}?)}'", "lazy", "{2}?"),
    ("format: '{q:span(x)}'", "text can be quoted from steps of tools and users; 'x' is unknown; valid: q, o", "'{q"),
    ("format: '{q:span(n)}'", "'n' is the model's own", "'{q"),
    ("format: {template: '{n:int}', repeat: 0..3}", "repeat", "0..3"),
    ("format: {template: '{n:int}', repeat: 3..2}", "repeat", "3..2"),
    ("format: {template: '{n:int}', repeat: 1..51}", "at most 50", "1..51"),
    ("format: {template: '{n:int}', repeat: 3}", "steps.s.format.repeat: input should be a valid string", "3}"),
    ("format: {template: '{n:int}', repeat: 1-3}", "steps.s.format.repeat: string should match pattern", "1-3"),
    ("format: {template: '{n:int}', separator: ''}", "steps.s.format.separator: string should have", "''"),
    ("format: {template: '{n:int}', seperator: ;}", "unknown key 'seperator'; did you mean 'separator'?", "seperator"),
    ("format: {repeat: 1..3}", "the key 'template' is missing", "format"),
    # free
    ("free: {untill: x}", "unknown key 'untill'; did you mean 'until'?", "untill"),
    ("free: {max_chars: 9}", "the key 'until' is missing", "free"),
    ("free: {until: ''}", "steps.s.free.until: string should have at least 1 character", "''"),
    ("free: ' x'", "'until' is printable and neither begins nor ends with a blank", "' x'"),
    ('free: "a\\nb"', "'until' is printable and neither begins nor ends with a blank", '"a'),
    ("free: {until: x, max_chars: 0}", f"steps.s.free.max_chars: {AT_LEAST} '0'", "0}}"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "message", "there"), BROKEN, ids=[case[0] or "nothing" for case in BROKEN])
def test_a_wrong_value_is_named_where_it_stands(kind: str, message: str, there: str) -> None:
    text = HEAD.replace("KIND", kind)
    with pytest.raises(InvalidInput) as raised:
        load_text(text, "k.yaml")
    problem = raised.value
    assert message in problem.message
    assert problem.location is not None
    assert (problem.location.source, problem.location.line) == ("k.yaml", 7)
    row = text.split("\n")[6]
    assert row[problem.location.column - 1 :].startswith(there), str(problem)
    _, shown, caret = str(problem).split("\n")
    assert caret.strip() == "^"
    assert shown[caret.index("^") :].startswith(there)


def test_a_kind_is_for_the_models_steps() -> None:
    for kind in (
        "choice: [a]",
        "regex: a",
        "json_schema: {type: string}",
        "tool: name",
        "span: q",
        "format: a",
        "free: x",
    ):
        name = kind.partition(":")[0]
        for owner in ("user", "tool"):
            text = HEAD.replace("KIND", "text: {}").replace('user, cue: "[Q]"', f'{owner}, cue: "[Q]", {kind}')
            with pytest.raises(InvalidInput, match=f"the {owner} writes 'q': '{name}' is for the model's steps"):
                load_text(text)


SAME = [
    ("regex: '[a-c]+'", "regex: {pattern: '[a-c]+', max_chars: 200}"),
    ("span: o", "span: {of: [o], max_chars: 200}"),
    ("format: '{n:int}!'", "format: {template: '{n:int}!'}"),
    ("format: {template: '{n:int}', repeat: 1..2}", "format: {template: '{n:int}', repeat: 1..2, separator: ', '}"),
    ("free: done", "free: {until: done, max_chars: 600}"),
    ("text: {}", "text: {min_chars: 1, max_chars: 200, max_lines: 1}"),
]


@pytest.mark.parametrize(("short", "long"), SAME, ids=[case[0] for case in SAME])
def test_short_forms_and_defaults(short: str, long: str) -> None:
    one, other = step(short), step(long)
    assert (one.kind, one.content, one.until, one.max_lines) == (
        other.kind,
        other.content,
        other.until,
        other.max_lines,
    )
    assert one.kind == re.split("[: ]", short)[0]


HELD: list[tuple[str, list[str], list[str]]] = [
    ("text: {max_chars: 3}", ["a", "a b", "é😀x"], ["", " a", "abcd", "a\nb", "a\tb", "\u00a0a", "a\u2028b"]),
    (
        "text: {max_chars: 8, max_lines: 2}", ["a", "a\n  b", "abc\n  defg", "a\n    b"],
        ["a\nb", "a\n b", "abcd\n  efgh", "a\n  b\n  c", "a\n  ", "\n  a", " a", "a ", "a\r\n  b", ""],
    ),
    ("text: {min_chars: 3, max_chars: 9, max_lines: 3}", ["abc", "a\n  b", "a\n  \n  b"], ["ab", "a\n  \n  \n  b"]),
    ("choice: [yes, 'no way']", ["yes", "no way"], ["no", "yes ", "Yes", "true", ""]),
    ("regex: '[A-Z]{2}-\\d+'", ["AB-1", "ZZ-007"], ["A-1", "AB-", "xAB-1", "AB-1 ", "AB-١"]),
    ("regex: {pattern: 'a*', max_chars: 3}", ["a", "aaa"], ["", "aaaa"]),
    ("regex: '^yes$|no'", ["yes", "no"], ["yes!", "nono"]),
    (
        "json_schema: {type: object, properties: {n: {type: integer}}, required: [n]}", ['{"n":3}', '{"n":-12}'],
        ["{}", '{"n": 3}', '{"n":3.0}', '{"n":3,"m":1}', '{"n":"3"}', '{"n":3,"n":3}', "3"],
    ),
    ("json_schema: {type: array, items: {type: boolean}}", ["[]", "[true,false]"], ["[1]", "[true,]", "true"]),
    ("json_schema: {type: number, exclusiveMinimum: 0}", ["1", "0.5", "0.01"], ["0", "0.0", "-1", "1e3", "00"]),
    ("format: '{n:int} of {{{what:text(4)}}}'", ["3 of {ab}", "-1 of {a b}"], ["3 of ab", "3 of {}", "3.5 of {a}"]),
    ("format: {template: '{n:int}', repeat: 2..3, separator: ;}", ["1;2", "1;2;3"], ["1", "1;2;3;4", "1; 2", "1;"]),
    ("format: '{d:date}'", ["2024-02-29"], ["2023-02-29", "24-02-29"]),
    (
        "free: </t>", ["</t>", "a</t>", "a\nb\n</t>", "  </t>", "\n\n</t>"],
        ["a", "</t></t>", "a</t>b</t>", "a\n[Q] b</t>", "a\r</t>", ""],
    ),
    ("free: {until: aa, max_chars: 2}", ["aa", "xaa", "bxaa"], ["aaa", "bxyaa", "a"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fine", "wrong"), HELD, ids=[case[0] for case in HELD])
def test_what_a_step_may_hold(kind: str, fine: list[str], wrong: list[str]) -> None:
    content = step(kind).content
    assert content is not None
    assert [text for text in fine if not matches(content, text)] == []
    assert [text for text in wrong if matches(content, text)] == []


def test_what_a_span_may_hold() -> None:
    said = {"o": ["The total is 40 euro (net).\nPaid 2024-02-29"], "q": ["total of 7?"]}
    for kind, fine, wrong in [
        (
            "span: o",
            ["40", "total is 40", "(net).", "net", "euro", "Paid 2024-02-29", "2024-02-29"],
            ["4", "tal", "net)", "7", "net).\nPaid"],
        ),
        (
            "span: {of: [o, q], max_chars: 8}",
            ["40 euro", "total of", "7", "7?"],
            ["total is 40", "euro total", "40 total"],
        ),
        ("format: 'it is {x:span(q)}'", ["it is 7", "it is total of 7?"], ["it is 40", "it is ", "7"]),
    ]:
        content = step(kind).content
        assert content is not None
        bound = bind(content, said)
        assert bound is not None
        assert [text for text in fine if not matches(bound, text)] == []
        assert [text for text in wrong if matches(bound, text)] == []
        assert bind(content, {"o": [" \n "], "q": [""]}) is None


@pytest.mark.parametrize("kind", ["name", "arguments", "call"])
def test_what_a_tool_step_holds_depends_on_the_tools(kind: str) -> None:
    found = step(f"tool: {kind}")
    assert (found.kind, found.tool, found.content) == ("tool", kind, None)
