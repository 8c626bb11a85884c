/** "Somebody is typing", told now and then and forgotten by itself. */

import type { Thread } from "./thread.ts";

const TELL_EVERY_MS = 3_000;
const FORGET_AFTER_MS = 6_000;

/** Tells the other side, at most once in three seconds. */
export class TypingSender {
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly tell: () => void) {}

  typed(): void {
    const now = performance.now();
    if (now - this.toldAt < TELL_EVERY_MS) return;
    this.toldAt = now;
    this.tell();
  }

  /** The message is out; the next key is news again. */
  sent(): void {
    this.toldAt = Number.NEGATIVE_INFINITY;
  }
}

/** Takes the notice away when no news of it came for a while. */
export class TypingExpiry {
  private timer: number | undefined;
  private heard = "";

  watch(thread: Thread, forgotten: () => void): void {
    const heard = `${thread.id} ${thread.numTypings}`;
    if (heard === this.heard) return; // something else has changed
    this.heard = heard;
    window.clearTimeout(this.timer);
    if (thread.typing === null) return;
    this.timer = window.setTimeout(() => {
      thread.typing = null;
      forgotten();
    }, FORGET_AFTER_MS);
  }
}
