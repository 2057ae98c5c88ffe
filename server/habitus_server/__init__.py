"""Habitus, the serving half: editor protocol, tracking, prompts, inference."""

__version__ = "0.1.0"
