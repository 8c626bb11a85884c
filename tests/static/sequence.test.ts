import assert from "node:assert/strict";
import { test } from "node:test";
import { Sequence } from "../../app/static/src/sequence.ts";
import { Thread } from "../../app/static/src/thread.ts";
import { completed, created, delta, liveSnapshot, synced } from "./frames.ts";

function following() {
  const thread = new Thread();
  const asked: number[] = [];
  let changes = 0;
  const sequence = new Sequence(thread, (after) => asked.push(after), () => (changes += 1));
  const ids = () => thread.items().map((item) => (item.kind === "message" ? item.message.id : ""));
  return { thread, sequence, asked, ids, changes: () => changes };
}

test("events in order are applied at once, repetitions are dropped", () => {
  const { sequence, asked, ids } = following();

  for (const frame of [created(1), created(2), created(2), created(1), created(3)]) {
    sequence.receive(frame);
  }

  assert.deepEqual(ids(), ["m1", "m2", "m3"]);
  assert.deepEqual(asked, []);
});

test("a hole is asked for, and filled in order", () => {
  const { sequence, asked, ids } = following();
  sequence.receive(created(1));

  sequence.receive(created(4));
  assert.deepEqual([asked, ids()], [[1], ["m1"]]);
  for (const frame of [created(2), created(3), created(4), synced(4)]) sequence.receive(frame);

  assert.deepEqual(ids(), ["m1", "m2", "m3", "m4"]);
  assert.equal(sequence.lastSeq, 4);
});

test("an event that overtakes the replay is neither lost nor out of order", () => {
  const { sequence, asked, ids } = following();
  sequence.receive(created(1));
  sequence.receive(created(3));

  for (const frame of [created(5), created(2), created(3), synced(3), created(4)]) {
    sequence.receive(frame);
  }
  assert.deepEqual(asked, [1, 3]);
  for (const frame of [created(4), created(5), synced(5)]) sequence.receive(frame);

  assert.deepEqual(ids(), ["m1", "m2", "m3", "m4", "m5"]);
});

test("a hole that is not for this reader is asked for once and then accepted", () => {
  const { sequence, asked, ids } = following();
  sequence.receive(created(1));
  sequence.receive(created(3));
  sequence.receive(created(3));
  sequence.receive(synced(4)); // 2 and 4 are notes of the agents

  sequence.receive(created(5));

  assert.deepEqual([asked, ids()], [[1], ["m1", "m3", "m5"]]);
});

test("a lost delta is healed by the server's snapshot, and shown once", () => {
  const { thread, sequence, asked } = following();
  sequence.receive(created(1, { role: "bot" }));
  sequence.receive(delta(0, "One "));

  sequence.receive(delta(8, "three "));
  assert.deepEqual(asked, [1]);
  for (const frame of [liveSnapshot("One two three "), synced(1), delta(14, "four.")]) {
    sequence.receive(frame);
  }

  assert.equal(thread.live?.text, "One two three four.");
});

test("deltas that come during a replay fit behind its snapshot", () => {
  const { thread, sequence } = following();
  sequence.expectReplay();

  const frames = [created(1, { role: "bot" }), liveSnapshot("One "), delta(4, "two"), synced(1)];
  for (const frame of frames) sequence.receive(frame);

  assert.equal(thread.live?.text, "One two");
});

test("a whole replay is shown in one step", () => {
  const { sequence, changes } = following();
  sequence.expectReplay();

  for (const frame of [created(1), created(2), created(3), synced(3)]) sequence.receive(frame);

  assert.equal(changes(), 1);
});

test("after a reset everything is fetched anew", () => {
  const { sequence, asked, ids } = following();
  sequence.receive(created(1));

  sequence.receive({ t: "reset", c: "c1", d: {} });
  for (const frame of [created(1), created(2), synced(2)]) sequence.receive(frame);

  assert.deepEqual([asked, ids()], [[0], ["m1", "m2"]]);
});

test("whatever is cut and repeated, the view is the server's", () => {
  const server = [
    created(1),
    created(2, { role: "bot", id: "b1" }),
    completed(3, "Answer one.", { s: 2 }),
    created(4),
    created(5, { role: "bot", id: "b2", gen: "g2" }),
    completed(6, "Answer two.", { s: 5, id: "b2", gen: "g2" }),
  ];
  const whole = new Thread();
  for (const frame of server) whole.apply(frame);
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;

  for (let round = 0; round < 200; round += 1) {
    const thread = new Thread();
    let wanted: number | null = null;
    const sequence = new Sequence(thread, (after) => (wanted = after), () => {});
    const replay = () => {
      while (wanted !== null) {
        const after = wanted;
        wanted = null;
        for (const frame of server) if ((frame.s ?? 0) > after) sequence.receive(frame);
        sequence.receive(synced(6));
      }
    };
    for (const frame of server) {
      const luck = random();
      if (luck < 0.3) continue; // lost
      sequence.receive(frame);
      if (luck > 0.8) sequence.receive(frame); // twice
      if (random() < 0.3) replay();
    }
    sequence.sync();
    replay();
    assert.deepEqual(thread.items(), whole.items(), `round ${round}`);
  }
});
