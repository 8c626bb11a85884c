"""What can go wrong in a training run through no fault of the code.

TrainingError
├── DataMissing         a data file, or what an earlier stage should have left, is not there
├── CheckpointMismatch  a checkpoint belongs to another model, stage or plan
├── TokenizerMismatch   rows were packed with another tokenizer than the model's
└── TooFewPoints        a scaling run has not measured enough for a law
"""


class TrainingError(Exception):
    """Base of the tree; its text is a sentence for the person at the terminal."""


class DataMissing(TrainingError):
    """Something that the stage reads does not exist."""


class CheckpointMismatch(TrainingError):
    """The folder holds a checkpoint that this run must not continue."""


class TokenizerMismatch(TrainingError):
    """What is to be measured together was written with two tokenizers."""


class TooFewPoints(TrainingError):
    """A law would have as many unknowns as it has points, or more."""
