"""Declarative agents whose every run obeys its temporal rules, by construction."""

__version__ = "0.1.0"
