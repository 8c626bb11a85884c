/**
 * What is being typed, told to the server so that it can prepare the answer. Only while the bot has
 * the word and the server asks for it: whole words now and then, everything at a pause.
 */

import type { Welcome } from "../protocol.ts";

type Limits = NonNullable<Welcome["drafts"]>;

/** The clock it runs by; the browser's own, or a test's. */
export interface Clock {
  now(): number;
  setTimeout(run: () => void, delayMs: number): number;
  clearTimeout(timer: number): void;
}

const browserClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, delayMs) => window.setTimeout(run, delayMs),
  clearTimeout: (timer) => window.clearTimeout(timer),
};

export class DraftSender {
  /** The server's; absent when it wants no drafts. */
  limits: Limits | undefined;

  #told = "";
  #toldAt = Number.NEGATIVE_INFINITY;
  #pause: number | null = null;

  constructor(
    private readonly send: (text: string) => void,
    private readonly clock: Clock = browserClock,
  ) {}

  typed(text: string): void {
    if (!this.limits) return;
    const everyMs = this.limits.every_s * 1_000;
    this.#stopWaiting();
    this.#pause = this.clock.setTimeout(() => this.#tell(text), everyMs);
    const words = text.replace(/\S+$/, "").trim();
    const isNews = !this.#told.startsWith(words);
    if (isNews && this.clock.now() - this.#toldAt >= everyMs) this.#tell(words);
  }

  /** The message is out, or nothing will come of it. */
  sent(): void {
    this.#stopWaiting();
    this.#told = "";
  }

  #tell(text: string): void {
    const draft = [...text.trim()].slice(0, this.limits?.chars ?? 0).join("");
    if (draft === this.#told) return;
    this.#told = draft;
    this.#toldAt = this.clock.now();
    this.send(draft);
  }

  #stopWaiting(): void {
    if (this.#pause !== null) this.clock.clearTimeout(this.#pause);
    this.#pause = null;
  }
}
