import assert from "node:assert/strict";
import { test } from "node:test";
import { DraftSender } from "../../app/static/src/widget/draft.ts";
import type { Clock } from "../../app/static/src/widget/draft.ts";

const EVERY_MS = 600;

/** A clock that the test turns. */
class Watch implements Clock {
  private at = 0;
  private due: { run: () => void; at: number } | null = null;

  now(): number {
    return this.at;
  }

  setTimeout(run: () => void, delayMs: number): number {
    this.due = { run, at: this.at + delayMs };
    return 1;
  }

  clearTimeout(): void {
    this.due = null;
  }

  pass(ms: number): void {
    this.at += ms;
    if (this.due === null || this.due.at > this.at) return;
    const { run } = this.due;
    this.due = null;
    run();
  }
}

function typist(chars = 600) {
  const watch = new Watch();
  const sent: { at: number; text: string }[] = [];
  const sender = new DraftSender((text) => sent.push({ at: watch.now(), text }), watch);
  sender.limits = { every_s: EVERY_MS / 1_000, chars };
  const type = (text: string, msPerKey = 100) => {
    for (let length = 1; length <= text.length; length += 1) {
      watch.pass(msPerKey);
      sender.typed(text.slice(0, length));
    }
  };
  return { watch, sender, sent, type };
}

test("whole words go out while one types, everything at a pause", () => {
  const { watch, sent, type } = typist();

  type("How long does it take?");
  watch.pass(EVERY_MS);

  assert.ok(sent.length > 2);
  assert.ok(sent.slice(0, -1).every(({ text }) => "How long does it".startsWith(text)));
  assert.ok(sent.slice(0, -1).every(({ text }) => /^(How|How long|How long does|How long does it)$/.test(text)));
  assert.equal(sent.at(-1)?.text, "How long does it take?");
});

test("never more often than the server asks", () => {
  const { watch, sent, type } = typist();

  type("a b c d e f g h i j k l m n o p q r s t u v w x y z", 20);
  watch.pass(EVERY_MS);

  const gaps = sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0));
  assert.ok(gaps.length > 0 && gaps.every((gap) => gap >= EVERY_MS), String(gaps));
});

test("no server that does not ask hears a word", () => {
  const { watch, sender, sent, type } = typist();
  sender.limits = undefined;

  type("My secret");
  watch.pass(EVERY_MS);

  assert.deepEqual(sent, []);
});

test("nothing is said after the message is out, nor twice", () => {
  const { watch, sender, sent, type } = typist();
  type("Hello there ");
  watch.pass(EVERY_MS);
  const before = sent.length;

  sender.typed("Hello there");
  watch.pass(EVERY_MS);
  sender.typed("Hello there you");
  sender.sent();
  watch.pass(EVERY_MS);

  assert.equal(sent.length, before);
});

test("a long draft is cut between characters", () => {
  const { watch, sent, sender } = typist(3);

  sender.typed("ab😀cd");
  watch.pass(EVERY_MS);

  assert.equal(sent.at(-1)?.text, "ab😀");
});
