/** The visitor's conversations as a list: open one, begin another, take a copy away. */

import { h, icon } from "../dom.ts";
import { PLUS, SAVE } from "../icons.ts";
import type { ConversationSummary } from "../protocol.ts";
import type { Strings } from "../strings.ts";

export interface ListActions {
  openConversation(id: string): void;
  begin(): void;
  transcript(format: "txt" | "html"): void;
}

export class ListView {
  readonly element: HTMLElement;
  readonly #list = h("ul", { class: "conversations" });
  readonly #copies: HTMLElement;
  #shown = "";

  constructor(
    private readonly strings: Strings,
    private readonly actions: ListActions,
  ) {
    const words = strings.conversations;
    const title = h("h2", { tabindex: "-1" }, words.title);
    const begin = h("button", { type: "button", class: "begin" }, icon(...PLUS), words.begin);
    begin.addEventListener("click", () => actions.begin());
    this.#copies = h("div", { class: "copies" }, h("span", {}, words.copy), this.#copy("txt"), this.#copy("html"));
    const label = words.title;
    this.element = h("section", { class: "own", "aria-label": label, hidden: true });
    this.element.append(title, begin, this.#list, this.#copies);
  }

  get isShown(): boolean {
    return !this.element.hidden;
  }

  toggle(isShown: boolean): void {
    this.element.hidden = !isShown;
    if (isShown) this.element.querySelector("h2")?.focus();
  }

  show(conversations: ConversationSummary[], current: string | null): void {
    this.#copies.hidden = current === null;
    const state = JSON.stringify([conversations, current]);
    if (state === this.#shown) return;
    this.#shown = state;
    const focused = (this.element.getRootNode() as ShadowRoot).activeElement?.getAttribute("data-id");
    this.#list.replaceChildren(...conversations.map((one) => this.#row(one, one.id === current)));
    if (focused) this.#list.querySelector<HTMLElement>(`[data-id="${focused}"]`)?.focus();
  }

  #row(one: ConversationSummary, isCurrent: boolean): HTMLElement {
    const words = this.strings.conversations;
    const isUnread = !isCurrent && one.unread > 0;
    const button = h("button", { type: "button", "data-id": one.id, "aria-current": isCurrent ? "true" : null });
    const isOver = one.status === "resolved" || one.status === "archived";
    const state = isUnread ? words.unread : isOver ? words.over : words.open;
    button.append(
      h("span", { class: "subject", dir: "auto" }, one.subject || words.untitled),
      h("small", {}, h("time", { datetime: one.at }, moment(one.at, this.strings.language)), ` · ${state}`),
    );
    button.classList.toggle("unread", isUnread);
    button.addEventListener("click", () => this.actions.openConversation(one.id));
    return h("li", {}, button);
  }

  #copy(format: "txt" | "html"): HTMLButtonElement {
    const name = format === "txt" ? this.strings.conversations.asText : this.strings.conversations.asPage;
    const button = h("button", { type: "button", class: "copy", "data-format": format }, icon(...SAVE), name);
    button.addEventListener("click", () => this.actions.transcript(format));
    return button;
  }
}

function moment(at: string, language: string): string {
  const shown = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  return shown.format(new Date(at));
}
