"""The widget's languages: what is heard in them, and what is answered."""

import pytest

from app.answers.phrasebook import LANGUAGES, base_of
from app.answers.phrasebooks import book_of
from app.answers.planning import Plan, make_plan
from app.answers.policy import Move, route
from app.answers.thread import language_of
from app.answers.topics import Topic
from app.conversations.line_words import words_of
from app.knowledge.evidence import Verdict
from app.vocabulary import HandoffReason, Role
from tests.app.answers.rig import Rig
from tests.app.answers.threads import said, thread
from tests.app.knowledge.demo_index import demo_index

HEARD: dict[str, dict[Move, tuple[str, ...]]] = {
    "en": {
        Move.GREETING: ("Hello!",),
        Move.THANKS: ("Thank you so much!",),
        Move.GOODBYE: ("Bye!",),
        Move.DECLINED: ("No, thanks",),
        Move.HANDOFF: ("A human please", "I want to talk to a person"),
    },
    "de": {
        Move.GREETING: ("Hallo!", "Guten Tag"),
        Move.THANKS: ("Vielen Dank!", "Danke für die schnelle Hilfe", "super danke"),
        Move.GOODBYE: ("Tschüss", "Auf Wiedersehen!"),
        Move.DECLINED: ("Nein danke",),
        Move.HANDOFF: ("Ich möchte mit einem Menschen sprechen", "Mitarbeiter bitte"),
    },
    "fr": {
        Move.GREETING: ("Bonjour !", "Salut"),
        Move.THANKS: ("Merci beaucoup !", "Merci pour votre aide"),
        Move.GOODBYE: ("Au revoir", "Bonne journée !"),
        Move.DECLINED: ("Non merci",),
        Move.HANDOFF: ("Je veux parler à une personne", "un conseiller svp"),
    },
    "es": {
        Move.GREETING: ("¡Hola!", "Buenas tardes"),
        Move.THANKS: ("¡Muchas gracias!", "gracias por la ayuda"),
        Move.GOODBYE: ("Adiós", "Hasta luego"),
        Move.DECLINED: ("No, gracias",),
        Move.HANDOFF: ("Quiero hablar con una persona", "un agente por favor"),
    },
    "it": {
        Move.GREETING: ("Buongiorno!", "Ciao"),
        Move.THANKS: ("Grazie mille!", "perfetto grazie"),
        Move.GOODBYE: ("Arrivederci", "Buona giornata"),
        Move.DECLINED: ("No grazie",),
        Move.HANDOFF: ("Vorrei parlare con una persona", "un operatore per favore"),
    },
    "pt": {
        Move.GREETING: ("Olá!", "Bom dia"),
        Move.THANKS: ("Muito obrigada!", "obrigado pela ajuda"),
        Move.GOODBYE: ("Adeus", "Tchau"),
        Move.DECLINED: ("Não, obrigado",),
        Move.HANDOFF: ("Quero falar com uma pessoa", "um atendente por favor"),
    },
    "nl": {
        Move.GREETING: ("Hoi!", "Goedemiddag"),
        Move.THANKS: ("Hartelijk bedankt!", "dank je wel"),
        Move.GOODBYE: ("Tot ziens", "Doei!"),
        Move.DECLINED: ("Nee, bedankt",),
        Move.HANDOFF: ("Ik wil met een medewerker praten", "Een mens alstublieft"),
    },
    "ar": {
        Move.GREETING: ("مرحبا!", "السلام عليكم"),
        Move.THANKS: ("شكرا جزيلا", "شكرًا"),
        Move.GOODBYE: ("مع السلامة",),
        Move.DECLINED: ("لا، شكرا",),
        Move.HANDOFF: ("أريد التحدث مع شخص", "موظف من فضلك"),
    },
}
DANGER = {
    "de": ("Ich will mich umbringen", Topic.SELF_HARM),
    "fr": ("La batterie a pris feu", Topic.SAFETY),
    "es": ("Es una estafa", Topic.FRAUD),
    "it": ("Chiamo il mio avvocato", Topic.LEGAL),
    "pt": ("Quero fazer uma reclamação", Topic.COMPLAINT),
    "nl": ("Ik wil niet meer leven", Topic.SELF_HARM),
    "ar": ("أريد أن أموت", Topic.SELF_HARM),
}
QUESTIONS = {
    "en": "How long does the delivery of my order take?",
    "de": "Wie lange dauert die Lieferung von meiner Bestellung?",
    "fr": "Combien de temps prend la livraison de ma commande ?",
    "es": "¿Cuánto tarda el envío de mi pedido?",
    "it": "Quanto tempo ci vuole per la consegna del mio ordine?",
    "pt": "Quanto tempo demora a entrega da minha encomenda?",
    "nl": "Hoe lang duurt de levering van mijn bestelling?",
    "ar": "كم يستغرق توصيل طلبي؟",
}


def plan(text: str, locale: str = "en") -> Plan:
    return make_plan(demo_index(), thread(said(text), locale=locale))


def text_of(one: Plan) -> str:
    return "".join(getattr(part, "text", "") for part in one.parts)


@pytest.mark.parametrize(
    ("move", "text"),
    [(move, text) for heard in HEARD.values() for move, texts in heard.items() for text in texts],
)
def test_small_talk_and_the_wish_for_a_person_are_heard(move: Move, text: str) -> None:
    routed = route(text)

    assert routed.move is move
    assert routed.reason is (HandoffReason.ASKED if move is Move.HANDOFF else None)


@pytest.mark.parametrize("language", DANGER)
def test_what_only_people_answer_is_heard_and_answered_in_the_language(language: str) -> None:
    text, topic = DANGER[language]

    assert route(text).topic is topic
    assert text_of(plan(text, language)) == book_of(language).topics[topic]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_shows_its_language_whatever_the_widget_says(language: str) -> None:
    assert language_of(QUESTIONS[language], "en") == language
    assert language_of(QUESTIONS[language], "de-AT") == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_or_two_are_in_the_language_of_the_widget(language: str) -> None:
    assert language_of("Rex 12", language) == language
    assert language_of("12345", f"{language}-XX") == base_of(language) == language


def test_languages_we_do_not_speak_are_answered_in_english() -> None:
    assert base_of("fi") == base_of(None) == base_of("") == "en"
    assert language_of("これはいつ届きますか", "ja") == "en"


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_what_no_article_answers_is_told_in_the_language(language: str) -> None:
    one = plan(QUESTIONS[language])

    assert one.verdict is Verdict.NOTHING
    assert text_of(one) in book_of(language).unknown


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_small_talk_abroad_needs_no_engine(language: str) -> None:
    for move in (Move.GREETING, Move.THANKS, Move.GOODBYE):
        one = plan(HEARD[language][move][0], language)

        assert one.prompt is None
        assert text_of(one) == "".join(book_of(language).small_talk[move])


def test_an_english_article_is_quoted_among_words_of_the_customers_language() -> None:
    one = plan("Standard delivery, express delivery cost?", "de")

    assert one.verdict is Verdict.ANSWER and one.citations[0].quote in text_of(one)
    book = book_of("de")
    assert text_of(one).startswith(f"{book.openings[0]} ")
    assert text_of(one).endswith(f"[{len(one.citations)}] {book.closings[0]}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrasebook_says_everything(language: str) -> None:
    book, english = book_of(language), book_of("en")

    assert set(book.small_talk) == set(english.small_talk) and set(book.topics) == set(Topic)
    assert "{company}" in book.identity and "{topics}" in book.ability
    assert "{one}" in book.which and "{other}" in book.which
    if language != "en":
        texts = {v for v in vars(book).values() if isinstance(v, str)}
        assert not texts & {v for v in vars(english).values() if isinstance(v, str)}


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_the_line_of_a_hand_off_follows_the_customers_words(rig: Rig) -> None:
    conversation_id = await rig.ask("Ich möchte bitte mit einem Menschen sprechen")

    lines = [one.text for one in await rig.messages(conversation_id, Role.SYSTEM)]
    assert lines[0].startswith(words_of("de").passed_on)
    assert (await rig.conversation(conversation_id)).locale == "de"
