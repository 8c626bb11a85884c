/** The button with which an agent says that they are away: on all their pages, until they are back. */

import type { ClientFrame } from "../protocol.ts";
import { agentStrings } from "./strings.ts";

export class AwayButton {
  private isAway = false;

  constructor(send: (frame: ClientFrame) => void, root: Document = document) {
    root.addEventListener("click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      if (!target?.closest("[data-act=away]")) return;
      send({ t: "presence", state: this.isAway ? "online" : "away" });
    });
  }

  /** What the server says, which is what customers are told. */
  show(isAway: boolean): void {
    this.isAway = isAway;
    const button = document.querySelector("[data-act=away]");
    button?.setAttribute("aria-pressed", String(isAway));
    if (button) button.textContent = isAway ? agentStrings.away : agentStrings.here;
  }
}
