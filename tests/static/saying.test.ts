import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { ClientFrame, MessageSend } from "../../app/static/src/protocol.ts";
import type { Posted } from "../../app/static/src/outbox.ts";
import { Sequence } from "../../app/static/src/sequence.ts";
import type { Follower } from "../../app/static/src/sequence.ts";
import { Conversations } from "../../app/static/src/widget/conversations.ts";
import { Current } from "../../app/static/src/widget/current.ts";
import { Outgoing } from "../../app/static/src/widget/outgoing.ts";
import { C } from "./frames.ts";

const stored = new Map<string, string>();

beforeEach(() => {
  stored.clear();
  const localStorage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value: localStorage, configurable: true });
});

/** A connection that only remembers what it was given. */
class Wire {
  posted: Posted[] = [];
  asked: (string | number)[][] = [];
  followed = new Set<string>();

  send(_frame: ClientFrame): boolean {
    return true;
  }
  post(frame: Posted): void {
    this.posted.push(frame);
  }
  withdraw(cid: string): void {
    this.posted = this.posted.filter((frame) => frame.cid !== cid);
  }
  follow(id: string, follower: Follower): Sequence {
    this.followed.add(id);
    return new Sequence(follower, (after) => this.asked.push([id, after]), () => undefined);
  }
  unfollow(id: string): void {
    this.followed.delete(id);
  }
  get said(): MessageSend[] {
    return this.posted.filter((frame) => frame.t === "message.send");
  }
}

function chat() {
  const wire = new Wire();
  const own = new Conversations();
  const current = new Current(own, wire);
  return { wire, own, current, outgoing: new Outgoing("pk", current, wire) };
}

function texts(frames: MessageSend[]): string[] {
  return frames.map((frame) => frame.text);
}

test("what is said stands on the screen, on the device and in the outbox until the server has it", () => {
  const { wire, current, outgoing } = chat();
  outgoing.say("Hello");

  const [frame] = wire.said;
  assert.ok(frame && current.thread.waits(frame.cid) && outgoing.hasSpoken);
  assert.equal(stored.size, 1);
  outgoing.settle(frame.cid);

  assert.equal(stored.size, 0);
});

test("a new conversation is begun by its first message alone", () => {
  const { wire, current, outgoing } = chat();
  current.adopt(C);
  current.begin();
  outgoing.say("one");
  outgoing.say("two");

  assert.deepEqual(wire.said.map((frame) => [frame.c, frame.begin]), [[undefined, true], [undefined, undefined]]);
});

test("who begins anew does not get what begins in another tab", () => {
  const { current, outgoing } = chat();
  assert.ok(current.isBegunBy("theirs"), "an empty chat shows what is said elsewhere");

  current.begin();
  assert.ok(!current.isBegunBy("theirs"));
  outgoing.say("mine");
  const [item] = current.thread.items();

  assert.ok(item?.kind === "pending" && current.isBegunBy(item.pending.cid));
});

test("what waits in a conversation that is gone opens the next one, in its order", () => {
  const { wire, current, outgoing } = chat();
  current.adopt(C);
  outgoing.say("one");
  outgoing.say("two");
  const before = wire.said.map((frame) => frame.cid);

  outgoing.moveOn();

  assert.deepEqual(texts(wire.said), ["one", "two"]);
  assert.ok(wire.said.every((frame) => frame.c === undefined && !before.includes(frame.cid)));
  assert.ok(current.thread.id === null && !wire.followed.has(C));
});

test("what was written before the visitor said who they are goes out when they have", () => {
  const { wire, current, outgoing } = chat();
  outgoing.say("one");
  outgoing.say("two");
  for (const { cid } of [...wire.said]) wire.withdraw(cid); // refused, the connection lets go

  outgoing.retryAll();

  assert.deepEqual(texts(wire.said), ["one", "two"]);
  assert.equal(current.thread.items().length, 2);
});

test("nothing of another person is sent or kept", () => {
  const { wire, current, outgoing } = chat();
  outgoing.say("secret");

  outgoing.drop();

  assert.deepEqual([wire.posted.length, stored.size, outgoing.hasSpoken], [0, 0, false]);
  assert.ok(current.thread.isEmpty);
});

test("an old conversation is fetched once and then only shown", () => {
  const { wire, current } = chat();
  current.resume({ id: C });
  assert.ok(!current.isHistoryKnown);
  const first = current.thread;
  current.turnTo("c2");
  first.typing = "Ana";

  current.turnTo(C);
  current.turnTo("c2");

  assert.deepEqual(wire.asked, [[C, 0], ["c2", 0]]);
  assert.equal(first.typing, null, "nobody would take it away");
  assert.ok(current.isHistoryKnown);
});
