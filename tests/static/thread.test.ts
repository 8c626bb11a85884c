import assert from "node:assert/strict";
import { test } from "node:test";
import { Thread } from "../../app/static/src/thread.ts";
import { TypingExpiry } from "../../app/static/src/typing.ts";
import type { ServerFrame } from "../../app/static/src/protocol.ts";
import { botMessage, C, completed, control, created, delta, liveSnapshot, message, updated } from "./frames.ts";

function after(...frames: ServerFrame[]): Thread {
  const thread = new Thread();
  for (const frame of frames) thread.apply(frame);
  return thread;
}

function texts(thread: Thread): string[] {
  return thread.items().map((item) => {
    if (item.kind === "pending") return `… ${item.pending.text}`;
    return item.message.state === "streaming" ? `> ${item.live?.text ?? ""}` : item.message.text;
  });
}

test("a running answer grows by its deltas and is replaced by the stored text", () => {
  const thread = after(created(1), created(2, { role: "bot" }), delta(0, "One "), delta(4, "two."));
  assert.deepEqual(texts(thread), ["Hello", "> One two."]);

  thread.apply(completed(3, "One two.", { s: 2 }));

  assert.deepEqual(texts(thread), ["Hello", "One two."]);
  assert.equal(thread.live, null);
});

test("applying anything twice changes nothing", () => {
  const frames = [created(1), created(2, { role: "bot" }), delta(0, "One "), delta(4, "two.")];
  const once = after(...frames);
  const twice = after(...frames.flatMap((frame) => [frame, frame]), ...frames);

  assert.deepEqual(twice.items(), once.items());
});

test("offsets count code points, not UTF-16 units", () => {
  const thread = after(created(1, { role: "bot" }), delta(0, "👍🏽é"), delta(3, " yes"));

  assert.equal(thread.live?.text, "👍🏽é yes");
});

test("a delta that overlaps adds only what is new", () => {
  const thread = after(created(1, { role: "bot" }), liveSnapshot("One two"), delta(4, "two three"));

  assert.equal(thread.live?.text, "One two three");
});

test("a delta behind a hole is a gap and is not shown", () => {
  const thread = after(created(1, { role: "bot" }), delta(0, "One "));

  assert.equal(thread.apply(delta(9, "four")), "gap");
  assert.equal(thread.live?.text, "One ");
});

test("nothing of the bot is taken once a human has control", () => {
  const thread = after(created(1, { role: "bot" }), delta(0, "One "), control(2, "human"));

  assert.equal(thread.apply(delta(4, "two")), "same");
  assert.equal(thread.live, null);
  assert.equal(thread.epoch, 1);
});

test("a stopped answer keeps what the server kept, a late delta adds nothing", () => {
  const stopped = updated(2, { state: "interrupted", text: "One." });
  const thread = after(created(1, { role: "bot" }), delta(0, "One. Tw"), stopped, delta(7, "o."));

  assert.deepEqual(texts(thread), ["One."]);
  assert.equal(thread.live, null);
});

test("a message that waits is shown once, before and after it is stored", () => {
  const thread = new Thread();
  thread.addPending({ cid: "x", text: "Hi", at: "" });
  const [waiting] = thread.items();

  thread.apply(created(1, { cid: "x", text: "Hi" }));

  assert.deepEqual(texts(thread), ["Hi"]);
  assert.equal(thread.items()[0]?.key, waiting?.key);
});

test("a refused message stays visible with the reason until it is sent anew", () => {
  const thread = new Thread();
  thread.addPending({ cid: "x", text: "Hi", at: "" });

  thread.refuse("x", "Too long.");

  const [item] = thread.items();
  assert.equal(item?.kind === "pending" && item.pending.refusal, "Too long.");
  assert.equal(thread.removePending("x")?.text, "Hi");
  assert.ok(thread.isEmpty);
});

test("events applied to a snapshot give what a fresh snapshot gives", () => {
  const conversation = {
    id: C,
    number: 7,
    status: "open",
    control: "bot",
    epoch: 0,
    last_seq: 2,
    contact: { name: "Mia", blocked: false },
  priority: "normal",
  labels: [],
    subject: "Hello",
  } as const;
  const asked = message();
  const early: ServerFrame = {
    t: "snapshot",
    c: C,
    d: {
      conversation,
      messages: [asked, botMessage({ s: 2 })],
      live: { gen: "g1", message_id: "b1", x: "One" },
    },
  };
  const answered = botMessage({ s: 2, state: "complete", text: "One two." });
  const late: ServerFrame = {
    t: "snapshot",
    c: C,
    d: {
      conversation: { ...conversation, control: "human", epoch: 1, last_seq: 4 },
      messages: [asked, answered],
    },
  };

  const followed = after(early, completed(3, "One two.", { s: 2 }), control(4, "human"));
  const fetched = after(late);

  assert.deepEqual(followed.items(), fetched.items());
  assert.deepEqual(
    [followed.lastSeq, followed.control, followed.epoch, followed.live],
    [fetched.lastSeq, fetched.control, fetched.epoch, fetched.live],
  );
});

test("a snapshot older than what is known is not taken", () => {
  const thread = after(created(1), created(2));
  const conversation = {
    id: C,
    number: 7,
    status: "open",
    control: "bot",
    epoch: 0,
    last_seq: 1,
    contact: { name: "Mia", blocked: false },
  priority: "normal",
  labels: [],
    subject: "",
  } as const;

  thread.apply({ t: "snapshot", c: C, d: { conversation, messages: [message()] } });

  assert.equal(thread.items().length, 2);
  assert.equal(thread.lastSeq, 2);
});

test("a rating is asked for, given, and fetched anew with the rest", () => {
  const thread = after(created(1));
  assert.equal(thread.rating, null);

  thread.apply({ t: "csat.requested", c: C, s: 2, d: {} });
  assert.deepEqual(thread.rating, {});
  thread.apply({ t: "csat.answered", c: C, s: 3, d: { score: 4, about: "bot" } });

  assert.deepEqual(thread.rating, { score: 4, about: "bot" });
});

test("a notice of typing goes when no news of it comes, whatever else happens", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  Object.defineProperty(globalThis, "window", { value: globalThis, configurable: true });
  const thread = after(created(1));
  const expiry = new TypingExpiry();
  let forgotten = 0;
  const watch = () => expiry.watch(thread, () => (forgotten += 1));
  const typing: ServerFrame = { t: "typing", c: C, d: { by: { kind: "agent", name: "Ana" }, on: true } };
  thread.apply(typing);
  watch();

  context.mock.timers.tick(5_000);
  thread.apply(control(2, "human"));
  watch();
  context.mock.timers.tick(1_000);
  assert.deepEqual([thread.typing, forgotten], [null, 1]);

  thread.apply(typing);
  watch();
  context.mock.timers.tick(5_000);
  thread.apply(typing);
  watch();
  context.mock.timers.tick(5_000);
  assert.equal(thread.typing, "Ana", "it was told again");
});

test("nobody is typing any more in what has ended", () => {
  const thread = after(created(1));
  thread.apply({ t: "typing", c: C, d: { by: { kind: "agent", name: "Ana" }, on: true } });

  thread.apply({ t: "status.changed", c: C, s: 2, d: { from: "open", to: "resolved", by: { kind: "agent" } } });

  assert.equal(thread.typing, null);
});
