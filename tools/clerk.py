"""A small office for agents to pay invoices in: orders of ``orders.json``, an approver, and a bank.

Everything is decided by the order: some payments the bank refuses, some calls never come back. Nothing is really paid
and nothing is remembered between calls, so that every run is the same.
"""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agentspec.errors import ToolError
from agentspec.toolbox.tool import tool

_ORDERS = Path(__file__).with_name("orders.json")
_PATIENCE = 2.0
OrderNumber = Annotated[str, Field(pattern=r"^[A-Z][0-9]{2}$")]
Amount = Annotated[float, Field(gt=0, le=100_000)]


@tool(timeout=_PATIENCE)
def lookup_order(order: OrderNumber) -> dict[str, Any]:
    """Look up an order: its supplier, what it comes to, and whether it is open or paid.

    Args:
        order: the number of the order, such as A17
    """
    entry = _order(order)
    return {"order": order, "supplier": entry["supplier"], "total": entry["total"], "state": entry["state"]}


@tool(timeout=_PATIENCE)
def ask_human(order: OrderNumber, amount: Amount) -> str:
    """Ask a person to approve the payment of an order; the answer begins with yes or no.

    Args:
        order: the number of the order
        amount: what would be paid
    """
    entry = _order(order)
    _perhaps_stall(entry, "approver")
    if entry["approver"] == "refuses" or amount != entry["total"]:
        return f"no, order {order} is not to be paid"
    return f"yes, order {order} may be paid"


@tool(timeout=_PATIENCE)
def pay(order: OrderNumber, amount: Amount) -> str:
    """Pay an order.

    Args:
        order: the number of the order
        amount: what to pay
    """
    entry = _order(order)
    _perhaps_stall(entry, "bank")
    if entry["bank"] == "breaks":
        raise ConnectionError("the bank's line is down")
    if entry["bank"] == "refuses" or entry["state"] != "open" or amount != entry["total"]:
        raise ToolError(f"the bank refuses to pay {amount:g} for order {order}")
    return f"paid {amount:g} for order {order}"


def _perhaps_stall(entry: dict[str, Any], who: str) -> None:
    if entry[who] == "stalls":
        time.sleep(4 * _PATIENCE)


def _order(number: str) -> dict[str, Any]:
    entry = _orders().get(number)
    if entry is None:
        raise ToolError(f"there is no order {number}")
    return entry


@cache
def _orders() -> dict[str, dict[str, Any]]:
    orders: dict[str, dict[str, Any]] = json.loads(_ORDERS.read_text(encoding="utf-8"))["orders"]
    return orders
