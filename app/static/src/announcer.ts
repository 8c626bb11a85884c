/** Tells a screen reader what is new in the thread: whole sentences, each once, never the history. */

import { h } from "./dom.ts";
import { SentenceReader } from "./sentences.ts";
import type { Item, Pending } from "./thread.ts";

const KEPT = 30;

export class Announcer {
  readonly region = h("div", { class: "visually-hidden", "aria-live": "polite" });

  private told = new Set<string>();
  private readers = new Map<string, SentenceReader>();

  /** Everything so far is known. */
  skip(items: Item[]): void {
    for (const item of items) this.told.add(item.key);
    this.region.replaceChildren();
  }

  update(items: Item[], own: "customer" | "agent"): void {
    for (const item of items) {
      if (item.kind === "pending") this.refused(item.pending);
      if (this.told.has(item.key)) continue;
      if (item.kind !== "message" || item.message.role === own) {
        this.told.add(item.key);
        this.region.replaceChildren(); // a new turn: what was told stands in the thread
        continue;
      }
      const { message, live } = item;
      const reader = this.readers.get(item.key) ?? new SentenceReader();
      this.readers.set(item.key, reader);
      if (message.state === "streaming") {
        this.say(reader.next(live?.text ?? ""));
      } else {
        this.say(reader.rest(message.text));
        this.readers.delete(item.key);
        this.told.add(item.key);
      }
    }
  }

  private refused({ cid, refusal }: Pending): void {
    if (refusal === undefined || this.told.has(refusal + cid)) return;
    this.told.add(refusal + cid);
    this.say([refusal]);
  }

  private say(sentences: string[]): void {
    for (const sentence of sentences) this.region.append(h("p", {}, sentence));
    while (this.region.childElementCount > KEPT) this.region.firstElementChild?.remove();
  }
}
