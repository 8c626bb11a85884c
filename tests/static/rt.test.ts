import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientFrame, ServerFrame, Welcome } from "../../app/static/src/protocol.ts";
import { Realtime } from "../../app/static/src/rt.ts";
import type { LinkState, Listeners, SocketLike, World } from "../../app/static/src/rt.ts";
import { Thread } from "../../app/static/src/thread.ts";
import { C, created, synced } from "./frames.ts";

/** A socket whose other end is the test. */
class Wire implements SocketLike {
  readyState = 0;
  sent: ClientFrame[] = [];
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;

  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientFrame);
  }

  close(): void {
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }

  say(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent);
  }

  drop(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code } as CloseEvent);
  }
}

/** A browser whose clock and luck the test holds. */
class Stage implements World, Listeners {
  wires: Wire[] = [];
  timers = new Map<number, { run: () => void; delayMs: number }>();
  states: LinkState[] = [];
  refusals: string[] = [];
  strays: string[] = [];
  luck = 1;
  private nextTimer = 1;

  open(): Wire {
    const wire = new Wire();
    this.wires.push(wire);
    return wire;
  }

  setTimeout(run: () => void, delayMs: number): number {
    this.timers.set(this.nextTimer, { run, delayMs });
    return this.nextTimer++;
  }

  clearTimeout(timer: number): void {
    this.timers.delete(timer);
  }

  random(): number {
    return this.luck;
  }

  /** Let the one timer with this delay run out. */
  elapse(delayMs: number): void {
    const found = [...this.timers].find(([, timer]) => timer.delayMs === delayMs);
    assert.ok(found, `no timer of ${delayMs} ms among ${[...this.timers.values()].map((t) => t.delayMs)}`);
    this.timers.delete(found[0]);
    found[1].run();
  }

  hello() {
    return { t: "hello", proto: 1, role: "widget", site: "pk" } as const;
  }
  welcome(): void {}
  changed(): void {}
  ack(): void {}
  link(state: LinkState): void {
    this.states.push(state);
  }
  frame(frame: ServerFrame): void {
    this.strays.push(frame.t);
  }
  nack(nack: { code: string }): void {
    this.refusals.push(nack.code);
  }

  get wire(): Wire {
    const wire = this.wires.at(-1);
    assert.ok(wire);
    return wire;
  }
}

const welcome: ServerFrame = {
  t: "welcome",
  d: { conn: "1", role: "widget", server_time: "", hb: 25, limits: { text: 4000, frame: 65536 } } as Welcome,
};

function connected() {
  const stage = new Stage();
  const realtime = new Realtime("ws://x/ws/v1", stage, stage);
  realtime.start();
  stage.wire.open();
  stage.wire.say(welcome);
  return { stage, realtime };
}

test("hello comes first, and messages wait for the welcome", () => {
  const stage = new Stage();
  const realtime = new Realtime("ws://x/ws/v1", stage, stage);
  realtime.post({ t: "message.send", cid: "a", text: "Hi" });
  realtime.start();
  stage.wire.open();
  assert.deepEqual(stage.wire.sent.map((frame) => frame.t), ["hello"]);

  stage.wire.say(welcome);

  assert.deepEqual(stage.wire.sent.map((frame) => frame.t), ["hello", "message.send"]);
});

test("what was not acknowledged is sent again after a cut, in order, and nothing else", () => {
  const { stage, realtime } = connected();
  for (const cid of ["a", "b", "c"]) realtime.post({ t: "message.send", cid, text: cid });
  stage.wire.say({ t: "ack", d: { cid: "a", c: C, s: 1 } });

  stage.wire.drop(1006);
  stage.elapse(500);
  stage.wire.open();
  stage.wire.say(welcome);

  const again = () => stage.wire.sent.filter((frame) => frame.t === "message.send").map((frame) => frame.cid);
  assert.deepEqual(again(), ["b"]);
  stage.wire.say({ t: "ack", d: { cid: "b", c: C, s: 2 } });
  assert.deepEqual(again(), ["b", "c"]);
});

test("waits grow with full jitter from half a second to thirty", () => {
  const { stage } = connected();
  const ceilings: number[] = [];
  for (let i = 0; i < 9; i += 1) {
    stage.wire.drop(1006);
    const [timer] = stage.timers.values();
    assert.ok(timer);
    ceilings.push(timer.delayMs);
    stage.elapse(timer.delayMs);
  }
  assert.deepEqual(ceilings, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);

  stage.luck = 0;
  stage.wire.drop(1006);
  assert.equal([...stage.timers.values()][0]?.delayMs, 0);
});

test("after a restart of the server readers come back spread over five seconds", () => {
  for (const goes of [(wire: Wire) => wire.drop(1012), drained]) {
    const { stage } = connected();
    goes(stage.wire);
    assert.equal([...stage.timers.values()][0]?.delayMs, 5000);
  }

  function drained(wire: Wire): void {
    wire.say({ t: "draining", d: {} });
    wire.drop(1001);
  }
});

test("a page that comes back tries at once", () => {
  const { stage, realtime } = connected();
  stage.wire.drop(1006);

  realtime.wake();

  assert.equal(stage.wires.length, 2);
  assert.deepEqual([...stage.timers.values()].map((timer) => timer.delayMs), [15_000], "no other try waits");
});

test("a link that gives no sign of life is given up", () => {
  const { stage, realtime } = connected();
  realtime.wake();
  assert.equal(stage.wire.sent.at(-1)?.t, "ping");

  stage.elapse(5000);

  assert.deepEqual(stage.states, ["connecting", "online", "waiting"]);
});

test("a link that answers the ping stays", () => {
  const { stage, realtime } = connected();
  realtime.wake();
  stage.wire.say({ t: "pong", d: { n: 1 } });

  stage.elapse(5000);

  assert.equal(realtime.state, "online");
});

test("two heartbeats without an answer end the link", () => {
  const { stage, realtime } = connected();
  stage.elapse(25_000);
  stage.elapse(25_000);
  assert.equal(realtime.state, "online");

  stage.elapse(25_000);

  assert.equal(realtime.state, "waiting");
});

test("a server that will not have us is not asked again", () => {
  for (const code of [4400, 4401, 4403]) {
    const { stage, realtime } = connected();
    stage.wire.drop(code);
    assert.equal(realtime.state, "refused");
    assert.equal(stage.timers.size, 0);
  }
});

test("a reconnect resumes every followed conversation where it stood", () => {
  const { stage, realtime } = connected();
  const thread = new Thread();
  realtime.follow(C, thread);
  stage.wire.say(created(1));
  stage.wire.say(created(2));

  stage.wire.drop(1006);
  stage.elapse(500);
  stage.wire.open();
  const [hello] = stage.wire.sent;
  assert.deepEqual(hello?.t === "hello" && hello.resume, { [C]: 2 });
  for (const frame of [welcome, created(3), synced(3)]) stage.wire.say(frame);

  assert.equal(thread.items().length, 3);
});

test("a refusal with a time is tried again then, another is told and forgotten", () => {
  const { stage, realtime } = connected();
  realtime.post({ t: "message.send", cid: "a", text: "a" });
  stage.wire.say({ t: "nack", d: { cid: "a", code: "rate_limited", message: "", retry_after: 2 } });
  stage.elapse(2000);
  assert.equal(stage.wire.sent.filter((frame) => frame.t === "message.send").length, 2);

  stage.wire.say({ t: "nack", d: { cid: "a", code: "too_long", message: "" } });
  stage.wire.drop(1006);
  stage.elapse(500);
  stage.wire.open();
  stage.wire.say(welcome);

  assert.deepEqual(stage.refusals, ["too_long"]);
  assert.deepEqual(stage.wire.sent.map((frame) => frame.t), ["hello"]);
});

test("what has to wait holds up what was written after it, so the order stays", () => {
  const { stage, realtime } = connected();
  for (const cid of ["a", "b"]) realtime.post({ t: "message.send", cid, text: cid });
  stage.wire.say({ t: "nack", d: { cid: "a", code: "rate_limited", message: "", retry_after: 2 } });
  realtime.post({ t: "message.send", cid: "c", text: "c" });

  stage.elapse(2000);
  for (const cid of ["a", "b", "c"]) stage.wire.say({ t: "ack", d: { cid, c: C, s: 1 } });

  const sent = stage.wire.sent.filter((frame) => frame.t === "message.send");
  assert.deepEqual(sent.map((frame) => frame.cid), ["a", "a", "b", "c"]);
});

test("what belongs to no followed conversation reaches the page", () => {
  const { stage } = connected();
  stage.wire.say(created(1));
  assert.deepEqual(stage.strays, ["message.created"]);
});

test("a hint for the list reaches the page, also of a followed conversation", () => {
  const { stage, realtime } = connected();
  realtime.follow(C, new Thread());
  stage.wire.say({ t: "list.dirty", c: C, d: {} });
  assert.deepEqual(stage.strays, ["list.dirty"]);
});

test("a server that takes the connection and never welcomes is given up", () => {
  const stage = new Stage();
  const realtime = new Realtime("ws://x/ws/v1", stage, stage);
  realtime.start();
  stage.wire.open();

  stage.elapse(15_000);
  assert.equal(realtime.state, "waiting");
  stage.elapse(500);
  stage.wire.open();
  stage.wire.say(welcome);

  assert.equal(realtime.state, "online");
  assert.ok([...stage.timers.values()].every((timer) => timer.delayMs !== 15_000), "nobody waits any more");
});
