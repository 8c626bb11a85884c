import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Thread } from "../../app/static/src/thread.ts";
import { Conversations } from "../../app/static/src/widget/conversations.ts";
import { KeptMessages } from "../../app/static/src/widget/kept.ts";
import { Reading } from "../../app/static/src/widget/reading.ts";
import type { ClientFrame, ConversationSummary, ServerFrame } from "../../app/static/src/protocol.ts";
import { C, control, created } from "./frames.ts";

const stored = new Map<string, string>();

beforeEach(() => {
  stored.clear();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });
});

function listed(id: string, at: string, changed: Partial<ConversationSummary> = {}): ConversationSummary {
  const base = { last_seq: 4, status: "open", control: "bot", epoch: 0, subject: id, read: 4, unread: 0 } as const;
  return { id, at, ...base, ...changed };
}

function kept(cid: string) {
  const pending = { cid, text: `${cid}!`, at: "2026-11-21T08:00:00.000Z" };
  return { frame: { t: "message.send", cid, text: pending.text } as const, pending };
}

test("what waits is there for the next page in its order, and gone when it was answered", () => {
  const first = new KeptMessages("pk");
  for (const cid of ["a", "b", "c"]) first.add(kept(cid));
  first.remove("b");

  const next = new KeptMessages("pk");

  assert.deepEqual(next.all(), [kept("a"), kept("c")]);
  assert.deepEqual(new KeptMessages("pk_other").all(), []);
  for (const cid of ["a", "c"]) next.remove(cid);
  assert.equal(stored.size, 0, "nothing is left on the device");
});

test("a store that holds something else, or forbids itself, costs nothing but the memory", () => {
  stored.set("careline:pk:outbox", '[1, null, {"frame": {}}, {"no": true}]');
  assert.deepEqual(new KeptMessages("pk").all(), []);
  stored.set("careline:pk:outbox", "{");
  assert.deepEqual(new KeptMessages("pk").all(), []);
  const refuse = () => {
    throw new Error("forbidden");
  };
  const storage = { getItem: refuse, setItem: refuse, removeItem: refuse };
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });

  new KeptMessages("pk").add(kept("a"));

  assert.deepEqual(new KeptMessages("pk").all(), []);
});

test("conversations stand by their newest message, whoever wrote it", () => {
  const own = new Conversations();
  own.take([listed("new", "2026-11-21T09:00:00Z"), listed(C, "2026-11-21T07:00:00Z")]);

  own.note({ ...created(5, { role: "agent" }), c: C } as ServerFrame);
  const later = { ...created(6), c: C } as ServerFrame & { t: "message.created" };
  later.d.message.at = "2026-11-21T10:00:00Z";
  own.note(later);

  assert.deepEqual(own.all().map((one) => one.id), [C, "new"]);
  assert.equal(own.unreadBeside("new"), 1);
  assert.equal(own.unreadBeside(C), 0);
  own.setRead(C, 6);
  assert.equal(own.unreadBeside("new"), 0);
});

test("one that begins elsewhere appears with its first words", () => {
  const own = new Conversations();

  own.note({ ...created(1, { text: "  Where is\nmy parcel? " }), c: "fresh" } as ServerFrame);

  assert.deepEqual(own.all().map((one) => [one.id, one.subject]), [["fresh", "Where is my parcel?"]]);
});

test("what nobody says to the visitor is nothing unread", () => {
  const own = new Conversations();
  own.take([listed(C, "2026-11-21T07:00:00Z")]);

  own.note({ t: "skipped", c: C, s: 5, d: {} } as ServerFrame);
  own.note(created(6, { text: "from another tab" }));
  assert.equal(own.unreadOf(C), 0);

  own.note(created(7, { role: "agent" }));
  own.note(created(7, { role: "agent" }));
  assert.equal(own.unreadOf(C), 1, "each once");
});

test("a thread beside the one on the screen counts what comes in it", () => {
  const own = new Conversations();
  const thread = new Thread();
  thread.id = C;
  own.take([listed(C, "2026-11-21T07:00:00Z", { last_seq: 2, read: 1, unread: 1 })]);
  own.keep(C, thread);

  own.update(thread);
  assert.equal(own.unreadOf(C), 1, "its history is not here yet");
  for (const s of [1, 2, 3]) thread.apply(created(s, { role: "agent" }));
  own.update(thread);

  assert.equal(own.unreadBeside("other"), 1);
  assert.equal(own.unreadOf(C), 2);
});

test("reading is never taken back by an older list, which is told of it", () => {
  const own = new Conversations();
  const told: ClientFrame[] = [];
  const reading = new Reading(own, { send: (frame) => told.push(frame) > 0 });
  reading.take([listed("a", "2026-11-21T09:00:00Z")]);
  own.setRead("a", 9);
  assert.deepEqual(told, []);

  reading.take([listed("a", "2026-11-21T09:00:00Z", { read: 2, unread: 3 })]);

  assert.deepEqual(told, [{ t: "read", c: "a", s: 9 }]);
  assert.deepEqual([own.readOf("a"), own.unreadOf("a")], [9, 0]);
});

test("whether who answers is there follows the assignee and the server's word", () => {
  const thread = new Thread();
  thread.meet(listed(C, "2026-11-21T09:00:00Z", { here: false, last_seq: 0, assignee: { id: "x", name: "Ana" } }));
  assert.equal(thread.isAssigneeHere, false);

  thread.apply(control(1, "human"));
  thread.apply({ t: "presence", c: C, d: { agent: "x", on: true } });
  assert.equal(thread.isAssigneeHere, true);
  thread.apply({ t: "assignee.changed", c: C, s: 2, d: { to: { id: "y", name: "Tom" } } });

  assert.equal(thread.isAssigneeHere, null, "nobody knows of the next one yet");
});

test("an old list does not take a thread back", () => {
  const thread = new Thread();
  for (const frame of [created(1), control(2, "human")]) thread.apply(frame);

  thread.meet(listed(C, "2026-11-21T09:00:00Z", { last_seq: 1, control: "bot" }));

  assert.equal(thread.control, "human");
});
