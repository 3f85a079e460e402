"""What an assistant on a desk is asked for: timers, weather, money, messages. Nothing is really done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Currency = Literal["EUR", "USD", "GBP", "JPY", "CHF"]
Short = Annotated[str, Field(max_length=30)]


def set_timer(minutes: Annotated[int, Field(ge=1, le=999)]) -> str:
    """Set a timer that rings after some minutes.

    Args:
        minutes: how long, in minutes
    """
    return f"the timer rings in {minutes} minutes"


def weather(city: Short, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Tell the weather of a city today.

    Args:
        city: the name of the city
        unit: of the temperature
    """
    return f"{city}: dry, 15 degrees" if unit == "celsius" else f"{city}: dry, 59 degrees"


def convert_money(amount: Annotated[float, Field(gt=0, le=1_000_000)], source: Currency, target: Currency) -> str:
    """Convert an amount of money from one currency to another.

    Args:
        amount: how much
        source: the currency it is in
        target: the currency it is wanted in
    """
    return f"{amount:g} {source} in {target}: at today's rate"


def send_message(to: Short, text: Annotated[str, Field(max_length=60)]) -> str:
    """Send a short message to a person.

    Args:
        to: the name of the person
        text: the words of the message
    """
    return f"sent to {to}: {text}"
