/** Where the focus was before the chat took it, so that it goes back there. */

import type { Shell } from "./shell.ts";

export class FocusKeeper {
  private before: Element | null = null;

  constructor(private readonly shell: Pick<Shell, "host" | "launcher">) {}

  taken(): void {
    const { activeElement, body } = document;
    this.before = activeElement === body || activeElement === this.shell.host ? null : activeElement;
  }

  giveBack(): void {
    const { before, shell } = this;
    const target = before instanceof HTMLElement && before.isConnected ? before : shell.launcher;
    target.focus();
  }
}
