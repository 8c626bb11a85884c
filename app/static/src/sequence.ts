/**
 * One conversation's stored events in order, each once, whatever the network does.
 *
 * Stored frames carry a counter `s`. A hole means that something was missed, or that something is
 * not for this reader (a customer never gets an agents' note). Either way the server is asked; until
 * it says `synced`, frames are held back, and then applied by their counter.
 */

import type { ServerFrame } from "./protocol.ts";

/** "gap": text of a running answer is missing, ask the server for it. */
export type Applied = "changed" | "same" | "gap";

export interface Follower {
  lastSeq: number;
  apply(frame: ServerFrame): Applied;
  /** The server can no longer replay what happened in between; start again from nothing. */
  clear(): void;
}

export class Sequence {
  #held: ServerFrame[] = [];
  #catchingUp = false;

  constructor(
    private readonly follower: Follower,
    private readonly ask: (after: number) => void,
    private readonly changed: () => void,
  ) {}

  get lastSeq(): number {
    return this.follower.lastSeq;
  }

  /** The server has been asked, in a hello or by `sync`, and will answer up to `synced`. */
  expectReplay(): void {
    this.#held = [];
    this.#catchingUp = true;
  }

  /** Ask for everything after `after`. */
  sync(after: number = this.follower.lastSeq): void {
    this.expectReplay();
    this.ask(after);
  }

  receive(frame: ServerFrame): void {
    if (frame.t === "synced") return this.#finish(frame.d.last_seq);
    if (frame.t === "reset") return this.#restart();
    if (frame.t === "snapshot") return this.#apply(frame);
    if (this.#catchingUp) {
      this.#held.push(frame);
    } else if (frame.s !== undefined && frame.s > this.follower.lastSeq + 1) {
      this.sync();
      this.#held.push(frame);
    } else {
      this.#apply(frame);
    }
  }

  #apply(frame: ServerFrame): void {
    const applied = this.follower.apply(frame);
    if (applied === "gap") this.sync();
    if (applied === "changed") this.changed();
  }

  #finish(lastSeq: number): void {
    const held = this.#held;
    this.#held = [];
    this.#catchingUp = false;
    const stored = held.filter((frame) => frame.s !== undefined);
    const passing = held.filter((frame) => frame.s === undefined);
    stored.sort((a, b) => (a.s ?? 0) - (b.s ?? 0));
    for (const frame of stored.filter((each) => (each.s ?? 0) <= lastSeq)) this.follower.apply(frame);
    this.follower.lastSeq = Math.max(this.follower.lastSeq, lastSeq);
    this.changed(); // once for the whole replay
    for (const frame of stored.filter((each) => (each.s ?? 0) > lastSeq)) this.receive(frame);
    for (const frame of passing) this.receive(frame);
  }

  #restart(): void {
    this.follower.clear();
    this.follower.lastSeq = 0;
    this.sync(0);
  }
}
