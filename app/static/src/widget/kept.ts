/**
 * What was written and is not acknowledged yet, kept on the device so that a reload loses nothing.
 * Writing is an interaction, so this may be stored; what is acknowledged or refused is removed.
 */

import type { MessageSend } from "../protocol.ts";
import type { Pending } from "../thread.ts";

export interface Kept {
  frame: MessageSend;
  pending: Pending;
}

export class KeptMessages {
  private readonly key: string;

  constructor(site: string) {
    this.key = `careline:${site}:outbox`;
  }

  /** In the order they were written. */
  all(): Kept[] {
    try {
      const found: unknown = JSON.parse(localStorage.getItem(this.key) ?? "[]");
      return Array.isArray(found) ? found.filter(isKept) : [];
    } catch {
      return [];
    }
  }

  add(kept: Kept): void {
    this.write([...this.all(), kept]);
  }

  remove(cid: string): void {
    const all = this.all();
    const left = all.filter(({ frame }) => frame.cid !== cid);
    if (left.length < all.length) this.write(left);
  }

  private write(all: Kept[]): void {
    try {
      if (all.length > 0) localStorage.setItem(this.key, JSON.stringify(all));
      else localStorage.removeItem(this.key);
    } catch {
      // A full or forbidden storage costs the memory of a reload; what waits is still sent from here.
    }
  }
}

function isKept(found: unknown): found is Kept {
  const kept = found as Partial<Kept> | null;
  return typeof kept?.frame?.cid === "string" && typeof kept.pending?.text === "string";
}
