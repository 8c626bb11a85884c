"""One ticket looked over: rules for what it is, the bot's pipeline for what could be replied."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from app.answers.ask import OWN_LANGUAGE, Asked, AskOnce, Finding, Reply
from app.answers.generator import ANSWER_PRIORITY
from app.answers.language import Language, find_language
from app.answers.wishes import wishes_of
from app.copilot.labels import Labelled, SuggestedLabel, suggest
from app.copilot.reading import reader_of
from app.copilot.repository import read_label_names, read_labelled
from app.database import Database
from app.knowledge.meaning import Meaning
from app.privacy.pii import Finding as Personal
from app.privacy.pii import find_pii
from app.triage.intents import NO_INTENT, IntentFound, find_intent
from app.triage.mood import Sentiment, Urgency, find_sentiment, find_urgency
from app.triage.summary import summarise


@dataclass(frozen=True)
class Ticket:
    """What a customer has written."""

    text: str
    subject: str = ""
    locale: str | None = None

    @property
    def whole(self) -> str:
        """Subject and text as one."""
        return f"{self.subject}\n{self.text}" if self.subject else self.text


@dataclass(frozen=True)
class Sorted:
    """What the rules say. Where they do not speak the language they say so: no intent, no mood."""

    language: Language
    intent: IntentFound
    urgency: Urgency
    sentiment: Sentiment | None
    labels: tuple[SuggestedLabel, ...]
    pii_in_subject: tuple[Personal, ...]
    pii_in_text: tuple[Personal, ...]
    summary: str


@dataclass(frozen=True)
class Triaged:
    """A ticket with what could be replied to it."""

    sorted: Sorted
    reply: Reply

    @property
    def has_suggestion(self) -> bool:
        """Whether the reply says something from the articles."""
        return self.reply.finding in (Finding.ANSWERED, Finding.CLARIFY)


@dataclass(frozen=True)
class Labels:
    """A company's labels, and conversations that carry some."""

    names: tuple[str, ...] = ()
    earlier: tuple[Labelled, ...] = ()


def sort_ticket(ticket: Ticket, labels: Labels, meaning: Meaning) -> Sorted:
    """Everything that needs no engine; pure, some milliseconds a sentence."""
    whole = ticket.whole
    language = find_language(whole, ticket.locale)
    is_ours = language.code in (None, OWN_LANGUAGE)
    intent = find_intent(whole) if is_ours else NO_INTENT
    sentiment = find_sentiment(whole)
    urgency = find_urgency(whole, sentiment, wishes_of(meaning) if is_ours else None)
    return Sorted(
        language,
        intent,
        urgency,
        sentiment if is_ours else None,
        suggest(whole, labels.names, labels.earlier, reader_of(meaning)),
        find_pii(ticket.subject),
        find_pii(ticket.text),
        summarise(ticket.text, meaning),
    )


class Triage:
    """Looks tickets over."""

    def __init__(self, database: Database, meaning: Meaning, ask_once: AskOnce) -> None:
        self._database = database
        self._meaning = meaning
        self._ask_once = ask_once

    async def look_over(
        self, workspace_id: UUID, ticket: Ticket, *, priority: int = ANSWER_PRIORITY
    ) -> Triaged:
        """Sort it and write a reply to suggest, to what its summary asks.

        Raises:
            Unavailable: the engine cannot answer.
        """
        async with self._database.snapshot() as session:
            names = await read_label_names(session, workspace_id)
            earlier = await read_labelled(session, workspace_id) if names else []
        labels = Labels(tuple(names), tuple(earlier))
        found = await asyncio.to_thread(sort_ticket, ticket, labels, self._meaning)
        asked = Asked(found.summary, locale=ticket.locale)
        reply = await self._ask_once.reply(workspace_id, asked, priority=priority)
        return Triaged(found, reply)
