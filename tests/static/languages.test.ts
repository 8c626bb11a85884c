import assert from "node:assert/strict";
import { test } from "node:test";
import { strings as ar } from "../../app/static/src/languages/ar.ts";
import { strings as de } from "../../app/static/src/languages/de.ts";
import { strings as es } from "../../app/static/src/languages/es.ts";
import { strings as fr } from "../../app/static/src/languages/fr.ts";
import { strings as it } from "../../app/static/src/languages/it.ts";
import { strings as nl } from "../../app/static/src/languages/nl.ts";
import { strings as pt } from "../../app/static/src/languages/pt.ts";
import { plural } from "../../app/static/src/plural.ts";
import { problemText } from "../../app/static/src/problems.ts";
import { en } from "../../app/static/src/strings.ts";
import { LANGUAGES, chooseLanguage, launcherName } from "../../app/static/src/widget/language.ts";

const ALL: Record<string, object> = { en, de, fr, es, it, pt, nl, ar };
/** What the server says in English. */
const PROBLEMS = ["too_long", "blocked", "rate_limited", "unavailable"];
/** The same word in both languages. */
const SHARED = new Set(["language", "dir", "prechat.email", "prechat.name", "messages", "sources", "stopShort"]);

/** Every text with its path; a function's is what it says about "X" or 3. */
function texts(words: object, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(words) as [string, unknown][]) {
    const at = path ? `${path}.${name}` : name;
    if (typeof value === "object") for (const [k, v] of texts(value as object, at)) found.set(k, v);
    else found.set(at, typeof value === "function" ? said(at, value as (value: unknown) => string) : String(value));
  }
  return found;
}

/** Numbers and names alike must come back in the sentence. */
function said(path: string, say: (value: unknown) => string): string {
  const takesNumber = /unread|tooMany|star|count|minutes|position/i.test(path);
  const sentence = say(takesNumber ? 3 : "X");
  assert.match(sentence, takesNumber ? /[3٣]/ : /X/, path);
  return sentence;
}

test("every catalogue has every text and no other", () => {
  const wanted = [...texts(en).keys(), ...PROBLEMS.map((code) => `problems.${code}`)];
  for (const [language, words] of Object.entries(ALL)) {
    if (language === "en") continue;
    assert.deepEqual([...texts(words).keys()].sort(), [...wanted].sort(), language);
  }
});

test("no text is empty or was left in English", () => {
  const english = texts(en);
  for (const [language, words] of Object.entries(ALL)) {
    for (const [path, text] of texts(words)) {
      assert.ok(text.trim(), `${language} ${path}`);
      if (language === "en" || SHARED.has(path)) continue;
      assert.notEqual(text, english.get(path), `${language} ${path}`);
    }
  }
});

test("what is written on the button to stop can be said aloud to press it", () => {
  for (const [language, words] of Object.entries(ALL)) {
    const [shown, name] = ["stopShort", "stop"].map((path) => texts(words).get(path)?.toLowerCase() ?? "");
    assert.ok(shown && name?.includes(shown), language);
  }
});

test("a refusal is told in the reader's language, in English by the server", () => {
  assert.equal(problemText(en, "too_long", "At most 4,000.", "other"), "At most 4,000.");
  assert.equal(problemText(en, "too_long", "", "other"), "other");
  assert.equal(problemText(de, "too_long", "At most 4,000.", "other"), de.problems["too_long"]);
  assert.equal(problemText(de, "conflict", "Somebody was faster.", "other"), "other");
});

test("the line of consent has one link in every language", () => {
  for (const [language, words] of Object.entries(ALL)) {
    assert.match(texts(words).get("prechat.consent") ?? "", /^[^[\]]*\[[^[\]]+\][^[\]]*$/, language);
  }
});

test("every catalogue knows its own name and direction", () => {
  assert.deepEqual(Object.keys(ALL).sort(), [...LANGUAGES].sort());
  for (const [language, words] of Object.entries(ALL)) {
    assert.equal(texts(words).get("language"), language);
    assert.equal(texts(words).get("dir"), language === "ar" ? "rtl" : "ltr");
    assert.ok(launcherName(language));
  }
});

test("a number takes the form its language asks for", () => {
  const forms = [0, 1, 2, 3, 11, 100].map((count) => ar.launcherUnread(count));
  assert.equal(new Set(forms).size, 6, "Arabic has six");
  assert.match(de.launcherUnread(1), /1 ungelesene Nachricht$/);
  assert.match(de.launcherUnread(2), /2 ungelesene Nachrichten$/);
  assert.match(fr.launcherUnread(0), /0 message non lu$/, "zero is one thing in French");
  assert.equal(plural("en", 1234, { other: "# files" }), "1,234 files");
});

test("the page's language goes before the site's, and both before the visitor's", () => {
  assert.equal(chooseLanguage(undefined, "de-AT", "fr", "es"), "de");
  assert.equal(chooseLanguage("ar", "de", "fr", "es"), "ar");
  assert.equal(chooseLanguage(null, "", "fr", "es"), "fr");
  assert.equal(chooseLanguage(undefined, "ja", "", "pt_BR"), "pt");
  assert.equal(chooseLanguage("xx", undefined, "toString", "NL"), "nl");
  assert.equal(chooseLanguage(), "en");
});
