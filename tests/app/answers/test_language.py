"""Which language a text is in."""

import pytest

from app.answers.language import UNKNOWN, find_language

SAID = {
    "en": "My parcel has not arrived yet, can you tell me where it is?",
    "de": "Mein Paket ist noch nicht angekommen, können Sie mir sagen, wo es ist?",
    "fr": "Mon colis n'est pas encore arrivé, pouvez-vous me dire où il est ?",
    "es": "Mi paquete aún no ha llegado, ¿me pueden decir dónde está?",
    "it": "Il mio pacco non è ancora arrivato, mi può dire dove si trova?",
    "pt": "A minha encomenda ainda não chegou, pode dizer-me onde está?",
    "nl": "Mijn pakket is nog niet aangekomen, kunt u mij vertellen waar het is?",
    "sv": "Mitt paket har inte kommit fram än, var är det någonstans?",
    "da": "Min pakke er ikke kommet frem endnu, hvad skal jeg gøre af den?",
    "no": "Pakken min har ikke kommet frem ennå, hva skal jeg gjøre?",
    "pl": "Moja paczka jeszcze nie dotarła, czy może mi pan powiedzieć, gdzie jest?",
    "tr": "Siparişim henüz gelmedi, ne zaman gelir ve nerede?",
    "cs": "Můj balík ještě nepřišel, můžete mi říct, kde je?",
    "ru": "Моя посылка ещё не пришла, где она?",
    "uk": "Моя посилка ще не прийшла, де вона її везуть?",
    "el": "Το δέμα μου δεν έχει φτάσει ακόμα, πού είναι;",
    "he": "החבילה שלי עדיין לא הגיעה, איפה היא?",
    "ar": "لم تصل طلبيتي بعد، أين هي؟",
    "fa": "بسته من هنوز نرسیده است، چه شد؟ کجاست پس؟",
    "ja": "荷物がまだ届いていません。どこにありますか？",
    "zh": "我的包裹还没到，请问在哪里？",
    "ko": "제 소포가 아직 도착하지 않았어요. 어디에 있나요?",
    "hi": "मेरा पार्सल अभी तक नहीं आया है, वह कहाँ है?",
    "th": "พัสดุของฉันยังไม่มาถึง อยู่ที่ไหน",
}


@pytest.mark.parametrize("code", SAID)
def test_a_sentence_tells_its_language(code: str) -> None:
    found = find_language(SAID[code])

    assert found.code == code
    assert 0 < found.confidence <= 1


def test_numbers_and_names_tell_nothing_and_the_hint_then_does() -> None:
    assert find_language("4711, 08/15?") == UNKNOWN
    assert find_language("Heron 2") == UNKNOWN
    assert find_language("Heron 2", "de-AT").code == "de"
    assert find_language("Heron 2", "xx") == UNKNOWN


def test_a_hint_does_not_outweigh_what_is_said() -> None:
    assert find_language(SAID["en"], "de").code == "en"
    assert find_language(SAID["fr"], "en_GB").code == "fr"


def test_addresses_and_code_do_not_count() -> None:
    text = "Wo ist es? https://shop.example/the-and-with/your/order mail to@the.and.example"

    assert find_language(text).code == "de"
