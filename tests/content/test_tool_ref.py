"""How tools are named: what is accepted, what is refused and with which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec.content.tool_ref import ToolRef, parse_tool_ref, path_fault, refuse_doubles
from agentspec.errors import InvalidInput

GOOD = [
    ("calculator", "calculator", None),
    ("web-search", "web-search", None),
    ("_x", "_x", None),
    ("./my_tools.py:pay", "pay", "my_tools.py"),
    ("./folder/deep/my-tools.v2.py:pay-now", "pay-now", "folder/deep/my-tools.v2.py"),
    ("./mes outils/é.py:pay", "pay", "mes outils/é.py"),
    ("./_private.py:pay", "pay", "_private.py"),
]


@pytest.mark.parametrize(("text", "name", "file"), GOOD)
def test_good(text: str, name: str, file: str | None) -> None:
    assert parse_tool_ref(text) == ToolRef(name, file, text)


BAD = [
    ("", "has no name: a tool is a name such as calculator, or a Python file and a function"),
    ("  ", "has no name"),
    (" calculator", "has blanks at an end"),
    ("./a.py:f\n", "has blanks at an end"),
    ("./a\x1b[31m.py:f", "characters that cannot be printed"),
    ("./a\u202e.py:f", "characters that cannot be printed"),
    ("./a\ud800.py:f", "characters that cannot be printed"),
    ("./a.py\0:f", "characters that cannot be printed"),
    ("two words", "is neither: a tool is a name such as calculator"),
    ("9lives", "is neither"),
    ("a" * 65, "is neither"),
    ("/etc/passwd.py:f", "is not a relative path: a tool's file lies beneath the folder"),
    ("/etc/passwd.py", "is not a relative path"),
    ("//server/share/x.py:f", "is not a relative path"),
    ("~/x.py:f", "is not a relative path"),
    ("C:/x.py:f", "is not a relative path"),
    ("C:/x.py", "is not a relative path"),
    ("https://example.org/x.py:f", "is not a relative path"),
    ("file:///x.py:f", "is not a relative path"),
    ("../x.py:f", "leads out of the folder"),
    ("./../x.py:f", "leads out of the folder"),
    ("./a/../x.py:f", "leads out of the folder"),
    ("./a/..", "leads out of the folder"),
    (".\\my_tools.py:pay", "has a backslash: write ./my_tools.py:pay"),
    ("C:\\x.py:f", "has a backslash: write C:/x.py:f"),
    ("my_tools.py:pay", "is a file, and a file begins with ./: write ./my_tools.py:pay"),
    ("sub/my_tools.py:pay", "write ./sub/my_tools.py:pay"),
    ("./my_tools.py", "names no function: write ./my_tools.py:NAME"),
    ("my_tools.py", "names no function: write ./my_tools.py:NAME"),
    ("./my_tools.py:", "names no function: write ./my_tools.py:NAME"),
    ("my_tools:pay", "is the path of a module: name its file, ./my_tools.py:pay"),
    ("acme.tools:pay", "is the path of a module: name its file, ./acme/tools.py:pay"),
    ("acme.tools.pay", "is the path of a module: name its file, such as ./acme/tools.py:pay"),
    ("./my_tools:pay", "is not the name of a Python file, which ends in .py"),
    ("./my_tools.pyc:pay", "is not the name of a Python file"),
    ("./my_tools.PY:pay", "is not the name of a Python file"),
    ("./.py:pay", "is not the name of a Python file"),
    ("././x.py:f", "has an empty part, a '.' or a blank"),
    ("./a//x.py:f", "has an empty part"),
    (".//x.py:f", "is not a relative path"),
    ("./a /x.py:f", "has an empty part, a '.' or a blank"),
    ("./x.py::$DATA.py:f", "has a character that is not allowed"),
    ("./x.py:f:g", "has a character that is not allowed|is not the name of a Python file"),
    ("./x.py:_f", "names a private function"),
    ("./x.py:__import__", "names a private function"),
    ("./x.py:Bank.pay", "'Bank.pay' is not the name of one"),
    ("./x.py:f()", r"'f\(\)' is not the name of one"),
    ("./x.py: f", "is not the name of one"),
    ("./x.py:é", "is not the name of one"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        parse_tool_ref(text)
    assert str(caught.value).startswith("the tool '")
    assert str(caught.value).isprintable()


def test_a_long_text_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_tool_ref("x" * 100_000 + "!")
    assert len(str(caught.value)) < 300


@given(st.text(st.sampled_from("./:\\~ aC_-é0\n"), max_size=20) | st.text(max_size=20))
def test_whatever_is_accepted_stays_in_the_folder(text: str) -> None:
    for written in (text, f"./{text}.py:f"):
        try:
            ref = parse_tool_ref(written)
        except InvalidInput:
            continue
        assert ref.text == written
        if ref.file is not None:
            assert written == f"./{ref.file}:{ref.name}"
            assert path_fault(ref.file) is None
            parts = ref.file.split("/")
            assert all(part and part.strip(". ") for part in parts)
            assert not {"\\", ":"} & set(ref.file)


def test_doubles() -> None:
    refs = [parse_tool_ref(text) for text in ("pay", "./a.py:pay")]
    with pytest.raises(InvalidInput, match=r"two tools are called 'pay': pay and \./a\.py:pay"):
        refuse_doubles(refs)
    with pytest.raises(InvalidInput, match="two tools are called 'pay': pay is named twice"):
        refuse_doubles([refs[0], parse_tool_ref("pay")])
    refuse_doubles([refs[0], parse_tool_ref("./a.py:pay2")])
