"""What an answer is made of: own words of the model, and copies that stand letter by letter."""

from dataclasses import dataclass

from app.answers.guards import Setting
from inference import Exactly, Words


@dataclass(frozen=True)
class Own:
    """One sentence of the model's own; `fallback` stands in for one that may not be said."""

    fallback: str
    setting: Setting
    max_tokens: int

    def segment(self) -> Words:
        """For the engine's guide."""
        return Words(max_tokens=self.max_tokens)


@dataclass(frozen=True)
class Copy:
    """Text that must stand as it is."""

    text: str
    is_quote: bool = False

    def segment(self) -> Exactly:
        """For the engine's guide."""
        return Exactly(self.text, quote=self.is_quote)


Part = Own | Copy
