"""The sets of items that are shipped for `agentspec eval`, made anew from a seed: examples/eval/*.jsonl.

    python benchmarks/eval_sets.py [--check]

*arithmetic*: sums, and sums in words, for the calculator. *lookup*: every fact of the collection that the lookup tool
reads, but for those in worked examples. *calls*: requests for the functions of the agent `caller`, with the accepted
values of each argument. ``--check`` writes nothing and exits with 1 where a file is not what it would be.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "examples" / "eval"
COLLECTION = Path(__file__).parent.parent / "tools" / "collection.json"
SEED = 20250607
MANY = 120
Entry = dict[str, Any]

TAKEN = {("Norway", "capital"), ("penicillin", "discoverer"), ("spider", "legs")}
"""Facts that stand in worked examples."""

NAMES = (
    "Anna", "Ben", "Carla", "David", "Elena", "Farid", "Grace", "Hugo", "Irene", "Jonas", "Kira", "Leo", "Mona",
    "Nils", "Olga", "Paul",
)  # fmt: skip
CITIES = (
    "Lisbon", "Oslo", "Madrid", "Vienna", "Athens", "Cairo", "Toronto", "Lima", "Nairobi", "Seoul", "Bangkok",
    "Prague", "Helsinki", "Boston", "Sydney",
)  # fmt: skip
CURRENCIES = {"EUR": "euros", "USD": "US dollars", "GBP": "British pounds", "JPY": "yen", "CHF": "Swiss francs"}
MESSAGES = (
    "I am on my way", "Dinner is at eight", "Call me back", "The meeting is moved to Monday", "Thanks for the flowers",
    "I found your keys", "The report is ready", "See you at the station", "Please bring the map", "I am late",
)  # fmt: skip


def arithmetic(draw: random.Random) -> Iterator[Entry]:
    seen: set[str] = set()
    while len(seen) < MANY:
        a, b, c = draw.randint(12, 999), draw.randint(3, 99), draw.randint(2, 60)
        name = draw.choice(NAMES)
        text, value = draw.choice([
            (f"What is {a} + {b}?", a + b),
            (f"What is {a} - {b}?", a - b),
            (f"What is {a} * {b}?", a * b),
            (f"What is {a * b} / {b}?", a),
            (f"A crate holds {b} bottles. How many bottles are in {c} crates?", b * c),
            (f"{name} has {a} coins and finds {b} more. How many coins has {name} now?", a + b),
            (f"A baker had {a} rolls and sold {b}. How many rolls are left?", a - b),
            (f"{b * c} pupils sit in {c} equal rows. How many pupils sit in each row?", b),
        ])  # fmt: skip
        if text not in seen:
            seen.add(text)
            yield {"id": f"arithmetic-{len(seen)}", "task": text, "expected": value}


def lookup(draw: random.Random) -> Iterator[Entry]:
    collection = json.loads(COLLECTION.read_text(encoding="utf-8"))
    facts = [
        (entry["title"], key, answer)
        for entry in collection["entries"]
        for key, answer in entry["facts"].items()
        if (entry["title"], key) not in TAKEN
    ]
    draw.shuffle(facts)
    for number, (title, key, answer) in enumerate(facts, start=1):
        task = collection["questions"][key].format(title=title)
        yield {"id": f"lookup-{number}", "task": task, "expected": answer}


def calls(draw: random.Random) -> Iterator[Entry]:
    kinds: list[Callable[[random.Random], tuple[str, str, dict[str, list[Any]]]]] = [_timer, _weather, _money, _message]
    seen: set[str] = set()
    while len(seen) < MANY:
        task, name, arguments = kinds[len(seen) % len(kinds)](draw)
        if task not in seen:
            seen.add(task)
            yield {"id": f"calls-{len(seen)}", "task": task, "expected": [{name: arguments}]}


def _timer(draw: random.Random) -> tuple[str, str, dict[str, list[Any]]]:
    minutes = draw.randint(3, 95)
    task = draw.choice([
        f"Set a timer for {minutes} minutes.", f"Let it ring in {minutes} minutes.",
        f"I need an alarm {minutes} minutes from now.", f"Remind me after {minutes} minutes.",
    ])  # fmt: skip
    return task, "set_timer", {"minutes": [minutes]}


def _weather(draw: random.Random) -> tuple[str, str, dict[str, list[Any]]]:
    city, unit = draw.choice(CITIES), draw.choice(["", "celsius", "fahrenheit"])
    asked = draw.choice(
        [f"What is the weather in {city}?", f"Tell me how warm it is in {city}.", f"Is it cold in {city}?"]
    )
    shown = f" Use {unit.title()}." if unit else ""
    return asked + shown, "weather", {"city": [city], "unit": [unit] if unit == "fahrenheit" else ["", "celsius"]}


def _money(draw: random.Random) -> tuple[str, str, dict[str, list[Any]]]:
    amount = draw.choice([draw.randint(5, 900), draw.randint(50, 9000) / 10])
    source, target = draw.sample(sorted(CURRENCIES), 2)
    one, other = CURRENCIES[source], CURRENCIES[target]
    task = draw.choice([
        f"Convert {amount} {one} to {other}.", f"How much is {amount} {one} in {other}?",
        f"I have {amount} {one}. What is that in {other}?",
    ])  # fmt: skip
    return task, "convert_money", {"amount": [amount], "source": [source], "target": [target]}


def _message(draw: random.Random) -> tuple[str, str, dict[str, list[Any]]]:
    to, text = draw.choice(NAMES), draw.choice(MESSAGES)
    task = draw.choice([f'Tell {to}: "{text}"', f'Send "{text}" to {to}.', f'Message {to} that says "{text}".'])
    return task, "send_message", {"to": [to], "text": [text]}


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    wrong = 0
    for make in (arithmetic, lookup, calls):
        entries = make(random.Random(f"{SEED} {make.__name__}"))
        text = "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries)
        file = FOLDER / f"{make.__name__}.jsonl"
        if not asked.check:
            file.write_text(text, encoding="utf-8", newline="\n")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            print(f"{file} is not what this script makes")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
