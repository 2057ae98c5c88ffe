"""What stops the recipe.

Promises: each class names who must act, and its message says what on.
"""

from __future__ import annotations


class RecipeError(Exception):
    """The recipe cannot go on; the message is for whoever runs it."""


class WheelMissingError(RecipeError):
    """A pinned wheel could not be fetched."""


class ReservedCodeError(RecipeError):
    """The corpus holds code of a reserved package; training must not start."""


class WeightsTooLargeError(RecipeError):
    """The stored weights would not fit the wheel; choose a narrower dtype or a smaller preset."""


class StepMissingError(RecipeError):
    """An earlier step of the recipe has not been run."""
