/** What a page hears of the chat; a listener that throws disturbs neither us nor the next one. */

import type { CareEvent } from "./commands.ts";

type Listener = (detail: unknown) => void;

export class Events {
  readonly #all = new Set<readonly [CareEvent, Listener]>();
  #isReady = false;

  /** Who asks for `ready` later hears it at once. */
  on(event: CareEvent, listener: Listener): void {
    this.off(event, listener);
    this.#all.add([event, listener]);
    if (event === "ready" && this.#isReady) call(listener, {});
  }

  off(event: CareEvent, listener: Listener): void {
    for (const one of this.#all) {
      if (one[0] === event && one[1] === listener) this.#all.delete(one);
    }
  }

  emit(event: CareEvent, detail: unknown): void {
    if (event === "ready") this.#isReady = true;
    for (const [name, listener] of [...this.#all]) if (name === event) call(listener, detail);
  }
}

function call(listener: Listener, detail: unknown): void {
  try {
    listener(detail);
  } catch (error) {
    console.error(error);
  }
}
