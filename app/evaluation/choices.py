"""What one may choose of an evaluation; by itself, for the command line's help."""

from enum import StrEnum


class Mode(StrEnum):
    """Who words an answer."""

    EXTRACTIVE = "extractive"
    """Nobody: quotes between sentences that stand ready."""
    UNCHECKED = "unchecked"
    """The model, and its words go out as they come: no product does that."""
    FREE = "free"
    """The model; sentences that no passage supports are dropped."""
    SPANS = "spans"
    """The model, around quotes that must stand letter by letter."""


class Part(StrEnum):
    """Which half of a set is asked; a half is spelled like its `Split`."""

    TUNE = "tune"
    HELD_OUT = "held_out"
    ALL = "all"
