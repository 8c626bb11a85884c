/** Says that the connection is away, once that has lasted long enough to matter. */

import type { LinkState } from "../rt.ts";

const OFFLINE_AFTER_MS = 3_000;

export class OfflineWatch {
  isOffline = false;
  private timer: number | null = null;

  constructor(private readonly changed: () => void) {}

  watch(state: LinkState): void {
    const isDown = state === "waiting" || state === "connecting";
    if (!isDown) this.stop();
    else this.timer ??= window.setTimeout(() => this.tell(), OFFLINE_AFTER_MS);
  }

  stop(): void {
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = null;
    this.isOffline = false;
  }

  private tell(): void {
    this.isOffline = true;
    this.changed();
  }
}
