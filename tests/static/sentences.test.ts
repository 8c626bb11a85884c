import assert from "node:assert/strict";
import { test } from "node:test";
import { SentenceReader } from "../../app/static/src/sentences.ts";

test("a growing text is told in whole sentences, each once", () => {
  const whole = "It takes 3 to 5 days. [1] It costs $4.95 and **is free** above $60. Anything else?";
  const reader = new SentenceReader();
  const told: string[] = [];

  for (let end = 1; end <= whole.length; end += 1) told.push(...reader.next(whole.slice(0, end)));
  told.push(...reader.rest(whole));

  assert.deepEqual(told, [
    "It takes 3 to 5 days.",
    "It costs $4.95 and is free above $60.",
    "Anything else?",
  ]);
});

test("lines of a list are sentences too", () => {
  const reader = new SentenceReader();
  assert.deepEqual(reader.rest("- one\n- two"), ["- one", "- two"]);
});

test("a link is told by its words, and a name keeps its lines", () => {
  const reader = new SentenceReader();
  assert.deepEqual(reader.rest("See [our terms](https://shop.example/a.b?c=1). _Now_ open order_list."), [
    "See our terms.",
    "Now open order_list.",
  ]);
});

test("nothing is told of an empty text", () => {
  const reader = new SentenceReader();
  assert.deepEqual([...reader.next(""), ...reader.rest(" \n ")], []);
});
