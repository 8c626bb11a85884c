import assert from "node:assert/strict";
import test from "node:test";
import { halfAnswer } from "../../app/static/src/agent/half_answer.ts";
import type { Message } from "../../app/static/src/protocol.ts";
import type { Item } from "../../app/static/src/thread.ts";

function said(role: Message["role"], text: string, changed: Partial<Message> = {}): Item {
  const at = "2026-11-21T09:00:00Z";
  const message: Message = {
    id: text, s: 1, role, kind: "text", state: "complete", text, citations: [], chips: [], at, ...changed,
  };
  return { key: text, kind: "message", message, live: null };
}

const asked = said("customer", "How long?");
const half = said("bot", "It takes 3 days.", { state: "interrupted" });
const joined = said("system", "Maya has joined.", { kind: "event" });
const note = said("agent", "Rude one.", { kind: "note", visibility: "internal" });
const pending: Item = { key: "p", kind: "pending", pending: { cid: "p", text: "Hi", at: "" } };

test("a stopped answer is a beginning, whatever the customer or a note says after it", () => {
  assert.equal(halfAnswer([asked, half, joined]), "It takes 3 days.");
  assert.equal(halfAnswer([asked, half, joined, said("customer", "Hello?"), note]), "It takes 3 days.");
});

test("it is none once one of us has written, or was about to, or when the answer is whole", () => {
  assert.equal(halfAnswer([asked, half, said("agent", "3 days.")]), "");
  assert.equal(halfAnswer([asked, half, pending]), "");
  assert.equal(halfAnswer([asked, said("bot", "3 days.")]), "");
  assert.equal(halfAnswer([]), "");
});
