"""The house's lines in a thread, in each language of the widget: one entry a language."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LineWords:
    """`{name}` is an agent's; `{when}` is a day and a time."""

    passed_on: str
    sorry: str
    """To somebody whose agent has gone away."""
    welcome_back: str
    back_on: str
    leave_mail: str
    person_here: str
    joined: str
    left: str
    days: tuple[str, ...]
    """Monday first."""
    months: tuple[str, ...]
    moment: str = "{day}, {number} {month}, {time} ({zone})"

    def when(self, moment: datetime) -> str:
        """A moment in its own zone, as people write it."""
        return self.moment.format(
            day=self.days[moment.weekday()],
            number=moment.day,
            month=self.months[moment.month - 1],
            time=f"{moment:%H:%M}",
            zone=f"{moment:%Z}",
        )


def words_of(locale: str) -> LineWords:
    """Those of a locale such as `pt-BR`, English where we do not speak it."""
    code = locale.replace("_", "-").split("-")[0].casefold()
    return _WORDS.get(code, _WORDS["en"])


_WORDS = {
    "en": LineWords(
        passed_on="We have passed your conversation to our team.",
        sorry="We are sorry to keep you waiting. Another person will go on here.",
        welcome_back="Welcome back. Our team has your message.",
        back_on="We are back on {when}.",
        leave_mail="Leave your e-mail address here if we should write to you.",
        person_here="A person will answer you here.",
        joined="{name} has joined the conversation.",
        left="{name} has left; the assistant answers again.",
        days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        months=("January", "February", "March", "April", "May", "June", "July", "August",
                "September", "October", "November", "December"),
        moment="{day}, {number} {month} at {time} ({zone})",
    ),
    "de": LineWords(
        passed_on="Wir haben Ihr Gespräch an unser Team weitergegeben.",
        sorry="Bitte entschuldigen Sie, dass Sie warten. Hier macht jemand anderes weiter.",
        welcome_back="Willkommen zurück. Unser Team hat Ihre Nachricht.",
        back_on="Wir sind wieder da: {when}.",
        leave_mail="Nennen Sie hier Ihre E-Mail-Adresse, wenn wir Ihnen schreiben sollen.",
        person_here="Ein Mensch antwortet Ihnen hier.",
        joined="{name} ist jetzt im Gespräch.",
        left="{name} hat das Gespräch verlassen; der Assistent antwortet wieder.",
        days=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        months=("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
                "Oktober", "November", "Dezember"),
        moment="{day}, {number}. {month}, {time} Uhr ({zone})",
    ),
    "fr": LineWords(
        passed_on="Nous avons transmis votre conversation à notre équipe.",
        sorry="Désolés de vous faire attendre. Une autre personne continue ici.",
        welcome_back="Bon retour. Notre équipe a votre message.",
        back_on="Nous serons de retour {when}.",
        leave_mail="Laissez ici votre adresse e-mail si nous devons vous écrire.",
        person_here="Une personne vous répondra ici.",
        joined="{name} a rejoint la conversation.",
        left="{name} a quitté la conversation ; l'assistant répond de nouveau.",
        days=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        months=("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août",
                "septembre", "octobre", "novembre", "décembre"),
        moment="{day} {number} {month} à {time} ({zone})",
    ),
    "es": LineWords(
        passed_on="Hemos pasado su conversación a nuestro equipo.",
        sorry="Sentimos hacerle esperar. Otra persona seguirá aquí.",
        welcome_back="Bienvenido de nuevo. Nuestro equipo tiene su mensaje.",
        back_on="Volvemos el {when}.",
        leave_mail="Deje aquí su correo electrónico si quiere que le escribamos.",
        person_here="Una persona le responderá aquí.",
        joined="{name} se ha unido a la conversación.",
        left="{name} ha salido; el asistente responde de nuevo.",
        days=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        months=("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
                "septiembre", "octubre", "noviembre", "diciembre"),
        moment="{day}, {number} de {month}, a las {time} ({zone})",
    ),
    "it": LineWords(
        passed_on="Abbiamo passato la sua conversazione al nostro team.",
        sorry="Ci scusiamo per l'attesa. Qui continua un'altra persona.",
        welcome_back="Bentornato. Il nostro team ha il suo messaggio.",
        back_on="Torniamo {when}.",
        leave_mail="Lasci qui il suo indirizzo e-mail se dobbiamo scriverle.",
        person_here="Le risponderà qui una persona.",
        joined="{name} è entrato nella conversazione.",
        left="{name} è uscito; risponde di nuovo l'assistente.",
        days=("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
        months=("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto",
                "settembre", "ottobre", "novembre", "dicembre"),
        moment="{day} {number} {month} alle {time} ({zone})",
    ),
    "pt": LineWords(
        passed_on="Passámos a sua conversa à nossa equipa.",
        sorry="Desculpe a espera. Outra pessoa continua aqui.",
        welcome_back="Bem-vindo de volta. A nossa equipa tem a sua mensagem.",
        back_on="Voltamos {when}.",
        leave_mail="Deixe aqui o seu e-mail se quiser que lhe escrevamos.",
        person_here="Uma pessoa vai responder-lhe aqui.",
        joined="{name} entrou na conversa.",
        left="{name} saiu; o assistente responde de novo.",
        days=("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira",
              "sábado", "domingo"),
        months=("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto",
                "setembro", "outubro", "novembro", "dezembro"),
        moment="{day}, {number} de {month}, às {time} ({zone})",
    ),
    "nl": LineWords(
        passed_on="We hebben uw gesprek doorgegeven aan ons team.",
        sorry="Sorry dat u moet wachten. Iemand anders gaat hier verder.",
        welcome_back="Welkom terug. Ons team heeft uw bericht.",
        back_on="We zijn er weer op {when}.",
        leave_mail="Laat hier uw e-mailadres achter als we u moeten schrijven.",
        person_here="Een medewerker antwoordt u hier.",
        joined="{name} doet mee aan het gesprek.",
        left="{name} heeft het gesprek verlaten; de assistent antwoordt weer.",
        days=("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
        months=("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus",
                "september", "oktober", "november", "december"),
        moment="{day} {number} {month} om {time} ({zone})",
    ),
    "ar": LineWords(
        passed_on="لقد حوّلنا محادثتك إلى فريقنا.",
        sorry="نأسف لانتظارك. سيتابع شخص آخر هنا.",
        welcome_back="مرحبًا بعودتك. رسالتك لدى فريقنا.",
        back_on="سنعود يوم {when}.",
        leave_mail="اترك بريدك الإلكتروني هنا إن أردت أن نكتب إليك.",
        person_here="سيجيبك شخص هنا.",
        joined="انضم {name} إلى المحادثة.",
        left="غادر {name}؛ المساعد يجيب من جديد.",
        days=("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"),
        months=("يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر",
                "أكتوبر", "نوفمبر", "ديسمبر"),
        moment="{day} {number} {month} الساعة {time} ({zone})",
    ),
}  # fmt: skip
