/** The head of the window: whose chat it is, who answers, and the ways out. */

import { button, h, icon } from "../dom.ts";
import { CLOSE, MENU, SPARK } from "../icons.ts";
import type { Team } from "../protocol.ts";
import type { LinkState } from "../rt.ts";
import type { Strings } from "../strings.ts";
import type { Thread } from "../thread.ts";

export class Head {
  readonly element: HTMLElement;
  /** Opens the visitor's conversations. */
  readonly menu: HTMLButtonElement;
  readonly close: HTMLButtonElement;
  /** Whether people are there; null: not known. */
  team: Team | null = null;

  readonly #state = h("p", { class: "state" });

  constructor(
    private readonly strings: Strings,
    company: string,
  ) {
    this.menu = button("menu", [icon(...MENU)], strings.conversations.title);
    this.menu.setAttribute("aria-expanded", "false");
    this.close = button("close", [icon(...CLOSE)], strings.close);
    const avatar = h("span", { class: "avatar", "aria-hidden": "true" }, icon(...SPARK));
    const name = h("p", { class: "name" }, company);
    const titles = h("div", { class: "titles" }, name, this.#state);
    this.element = h("div", { class: "head" }, avatar, titles, this.menu, this.close);
  }

  show(thread: Thread, link: LinkState, isOffline: boolean): void {
    const isThere = link === "online" || link === "refused" || !(isOffline || thread.isEmpty);
    const line = isThere ? this.#line(thread, link) : this.strings.connecting;
    if (this.#state.textContent !== line) this.#state.textContent = line;
  }

  #line(thread: Thread, link: LinkState): string {
    const { strings } = this;
    if (link === "refused") return "";
    if (thread.status === "resolved") return strings.resolvedState;
    if (thread.control === "queue") return this.#waiting();
    if (thread.control === "bot") return strings.online;
    if (!thread.assignee) return strings.withSomebody;
    const { name } = thread.assignee;
    if (thread.isAssigneeHere === null) return strings.withPerson(name);
    return thread.isAssigneeHere ? strings.presence.here(name) : strings.presence.away(name);
  }

  /** No more is promised than somebody can keep. */
  #waiting(): string {
    const { presence, language, waitingForPerson } = this.strings;
    if (this.team === null || this.team.available) return waitingForPerson;
    if (this.team.opens_at === undefined) return presence.nobody;
    const shown = new Intl.DateTimeFormat(language, { weekday: "long", hour: "numeric", minute: "2-digit" });
    return presence.back(shown.format(new Date(this.team.opens_at)));
  }
}
