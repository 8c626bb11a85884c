import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { newId } from "../../app/static/src/uuid.ts";
import { clearOfKeyboard } from "../../app/static/src/widget/keyboard.ts";
import { recall, remember } from "../../app/static/src/widget/memory.ts";
import { Visit } from "../../app/static/src/widget/visit.ts";

const stored = new Map<string, string>();
const page = new EventTarget();

beforeEach(() => {
  stored.clear();
  const localStorage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value: localStorage, configurable: true });
  Object.defineProperty(globalThis, "window", { value: page, configurable: true });
});

/** Another tab has written. */
function elsewhere(session: string): void {
  remember("pk", { session, isOpen: true });
  page.dispatchEvent(Object.assign(new Event("storage"), { key: "careline:pk" }));
}

/** A tab, and how often it has joined another's visit. */
function tab(isBound = false) {
  const visit = new Visit("pk");
  const ended = new AbortController();
  const joined = { count: 0 };
  visit.share(() => isBound, () => (joined.count += 1), ended.signal);
  return { visit, joined, ended };
}

test("nothing is kept before somebody has spoken", () => {
  const visit = new Visit("pk");
  assert.equal(visit.renew("s1"), false);
  visit.keep(true, false);
  assert.equal(stored.size, 0);

  visit.keep(true, true);

  assert.deepEqual(recall("pk"), { session: "s1", isOpen: true });
});

test("a tab nobody has spoken in joins the one where they do, and never writes over it", () => {
  const { visit, joined } = tab();
  visit.renew("mine");

  elsewhere("theirs");
  visit.keep(false, false);

  assert.deepEqual([visit.session, joined.count], ["theirs", 1]);
  assert.deepEqual(recall("pk"), { session: "theirs", isOpen: false });
  elsewhere("theirs");
  assert.equal(joined.count, 1, "once");
});

test("who has spoken or signed in stays who they are", () => {
  const spoken = tab();
  spoken.visit.renew("mine");
  spoken.visit.keep(true, true);
  const signedIn = tab(true);
  signedIn.visit.session = "signed";
  const gone = tab();
  gone.visit.end();
  gone.ended.abort();

  elsewhere("theirs");

  assert.deepEqual([spoken.visit.session, spoken.joined.count], ["mine", 0]);
  assert.deepEqual([signedIn.visit.session, signedIn.joined.count], ["signed", 0]);
  assert.equal(gone.visit.session, null);
});

test("a session that was kept is replaced by the one the server gives", () => {
  remember("pk", { session: "old", isOpen: true });
  const visit = new Visit("pk");

  assert.equal(visit.renew("new"), true, "somebody else was here");

  assert.deepEqual(recall("pk"), { session: "new", isOpen: true });
});

test("a session the server has lost makes room for the next, whichever tab has it", () => {
  remember("pk", { session: "old", isOpen: true });
  const [first, second] = [new Visit("pk"), new Visit("pk")];

  first.lose();
  assert.deepEqual([first.session, stored.size], [null, 0]);
  first.renew("new");
  first.keep(true, true);
  second.lose();

  assert.equal(second.session, "new");
});

test("ids are UUIDs of the fourth kind, also where crypto has no randomUUID", () => {
  const ids = Array.from({ length: 50 }, newId);

  for (const id of ids) assert.match(id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test("the window takes what the keyboard leaves, and nothing of a page that is magnified", () => {
  const seen = Object.assign(new EventTarget(), { scale: 1, height: 844, offsetTop: 0 });
  Object.assign(page, { visualViewport: seen });
  const set = new Map<string, string>();
  const style = {
    setProperty: (name: string, value: string) => void set.set(name, value),
    removeProperty: (name: string) => void set.delete(name),
  };
  const ended = new AbortController();
  clearOfKeyboard({ style } as unknown as HTMLElement, ended.signal);
  assert.deepEqual([...set], [["--seen-height", "844px"], ["--seen-top", "0px"]]);

  Object.assign(seen, { height: 508, offsetTop: 40 }).dispatchEvent(new Event("resize"));
  assert.deepEqual([...set], [["--seen-height", "508px"], ["--seen-top", "40px"]]);
  Object.assign(seen, { scale: 2 }).dispatchEvent(new Event("scroll"));
  assert.equal(set.size, 0);

  ended.abort();
  Object.assign(seen, { scale: 1 }).dispatchEvent(new Event("resize"));
  assert.equal(set.size, 0, "it has stopped listening");
});
