/**
 * A thread as elements, for the widget and for the agents' page alike: one markup, two uses.
 *
 * Each item keeps its element for life and is only touched when it changed, so a selection or a
 * focused link survives the next token.
 */

import { h, icon } from "./dom.ts";
import { fileCard } from "./file_card.ts";
import type { SaveFile } from "./file_card.ts";
import { ARTICLE } from "./icons.ts";
import { render, safeHref } from "./md.ts";
import { patch } from "./patch.ts";
import type { Previews } from "./previews.ts";
import type { Chip, Message, SentFile } from "./protocol.ts";
import type { Strings } from "./strings.ts";
import type { Item, Live, Pending } from "./thread.ts";

export interface ViewOptions {
  strings: Strings;
  /** Of times; absent: the browser's. */
  language?: string;
  /** The server's address; article links are relative to it. */
  base: string;
  /** Whose messages stand at the end side. */
  own: "customer" | "agent";
  botName: () => string;
  retry: (cid: string) => void;
  /** Null where chips are not for this reader. */
  choose: ((chip: Chip) => void) | null;
  /** How a file is had back. */
  save: (file: SentFile) => SaveFile;
  /** Absent: pictures are files like any other. */
  previews?: Previews;
  /** How a pressed button is told to this reader; absent: not at all. */
  feedback?: Record<"helped" | "not_helped", string>;
}

interface Shown {
  element: HTMLLIElement;
  state: string;
}

export class MessageList {
  #shown = new Map<string, Shown>();

  constructor(
    private readonly list: HTMLOListElement,
    private readonly options: ViewOptions,
  ) {}

  /** Make the list show exactly these items. */
  update(items: Item[], isOnline: boolean): void {
    const lastMessage = items.findLast((item) => item.kind === "message");
    const keys = new Set(items.map((item) => item.key));
    for (const [key, { element }] of this.#shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.#shown.delete(key);
    }
    let place = this.list.firstElementChild;
    let previous: Item | null = null;
    for (const item of items) {
      const element = this.#element(item, item === lastMessage, isOnline);
      element.classList.toggle("follows", previous !== null && this.#author(previous) === this.#author(item));
      if (element === place) place = place.nextElementSibling;
      else this.list.insertBefore(element, place);
      previous = item;
    }
  }

  #element(item: Item, isLast: boolean, isOnline: boolean): HTMLLIElement {
    const shown = this.#shown.get(item.key) ?? { element: h("li"), state: "" };
    this.#shown.set(item.key, shown);
    const state = JSON.stringify([item, isLast, isOnline]);
    if (shown.state === state) return shown.element;
    shown.state = state;
    if (item.kind === "pending") this.#fillPending(shown.element, item.pending, isOnline);
    else if (item.message.kind === "event") fillEvent(shown.element, item.message);
    else this.#fillMessage(shown.element, item.message, item.live, isLast);
    return shown.element;
  }

  /** Messages of one author that follow each other are drawn as a group. */
  #author(item: Item): string {
    if (item.kind === "pending") return "own";
    const { message } = item;
    if (message.kind !== "text") return message.id;
    const isOwn = message.role === this.options.own;
    return isOwn && !message.author ? "own" : `${message.role}:${message.author?.id ?? ""}`;
  }

  #fillPending(li: HTMLLIElement, pending: Pending, isOnline: boolean): void {
    const { strings } = this.options;
    li.className = `message own pending${pending.isNote ? " note" : ""}`;
    li.dataset["state"] = pending.refusal ? "refused" : "pending";
    const parts: HTMLElement[] = [];
    if (this.options.own === "customer") parts.push(this.#you());
    if (pending.text) parts.push(h("div", { class: "bubble", dir: "auto" }, plain(pending.text)));
    if (pending.files?.length) parts.push(this.#files(pending.files, () => null));
    const note = pending.refusal ?? (isOnline ? strings.sending : strings.queued);
    const meta = h("p", { class: "meta" }, note);
    if (pending.refusal) {
      const again = h("button", { type: "button", class: "link" }, strings.retry);
      again.addEventListener("click", () => this.options.retry(pending.cid));
      meta.append(" ", again);
    }
    patch(li, [...parts, meta]);
  }

  #fillMessage(li: HTMLLIElement, message: Message, live: Live | null, isLast: boolean): void {
    const isNote = message.kind === "note";
    const isOwn = message.role === this.options.own && !isNote;
    li.className = `message ${isOwn ? "own" : "other"} ${isNote ? "note" : message.role}`;
    li.dataset["state"] = message.state;
    li.dataset["id"] = message.id;
    // Of an answer that nothing is left of, a word stays until something else has been said.
    li.hidden = message.state === "retracted" && !isLast;
    const parts: HTMLElement[] = [];
    const name = message.role === "bot" ? this.options.botName() : message.author?.name;
    // Agents are several: among them it matters who said it.
    if (isOwn && this.options.own === "customer") parts.push(this.#you());
    else if (name) parts.push(h("p", { class: "who", dir: "auto" }, name));
    const isStreaming = message.state === "streaming";
    const text = isStreaming ? (live?.text ?? "") : message.text;
    if (text) parts.push(this.#bubble(message, text, isStreaming));
    else if (isStreaming) parts.push(this.#thinking(live));
    if (message.files?.length) parts.push(this.#files(message.files, this.options.save));
    if (message.citations.length > 0) parts.push(this.#sources(message));
    const note = this.#stateNote(message);
    if (note) parts.push(h("p", { class: "meta state-note" }, note));
    if (!isStreaming) parts.push(h("p", { class: "meta" }, time(message.at, this.options.language)));
    const feedback = message.feedback && this.options.feedback?.[message.feedback];
    if (feedback) parts.push(h("p", { class: "meta", "data-feedback": message.feedback }, feedback));
    if (isLast && message.chips.length > 0 && this.options.choose) parts.push(this.#chips(message.chips));
    patch(li, parts);
  }

  #bubble(message: Message, text: string, isStreaming: boolean): HTMLElement {
    const { base } = this.options;
    const citations = new Map(message.citations.map((each) => [each.marker, each]));
    const cite = (marker: number) => {
      const found = citations.get(marker);
      const { source } = this.options.strings;
      return found ? { href: found.url, name: `${source(String(marker))}: ${found.title}` } : null;
    };
    const body = message.role === "customer" ? plain(text) : render(text, { base, cite });
    // Half a sentence is noise to a screen reader; whole ones are announced elsewhere.
    const hidden = isStreaming ? "true" : null;
    return h("div", { class: "bubble", dir: "auto", "aria-hidden": hidden }, body);
  }

  #thinking(live: Live | null): HTMLElement {
    const { strings } = this.options;
    const phase = live?.phase ? strings.phases[live.phase] : strings.thinking;
    return h("div", { class: "bubble thinking" }, dots(), h("span", { class: "phase" }, phase));
  }

  #sources(message: Message): HTMLElement {
    const list = h("ul", { class: "sources", "aria-label": this.options.strings.sources });
    const seen = new Set<string>();
    for (const citation of message.citations) {
      const href = safeHref(citation.url, this.options.base);
      if (href === null || seen.has(href)) continue;
      seen.add(href);
      const link = h("a", { href, target: "_blank", rel: "noopener noreferrer", title: citation.quote });
      link.append(icon(...ARTICLE), h("span", {}, `${citation.marker}. ${citation.title}`));
      list.append(h("li", {}, link));
    }
    return list;
  }

  /** Whose words these are is seen by their side; this is for who does not see it. */
  #you(): HTMLElement {
    return h("p", { class: "who visually-hidden" }, this.options.strings.you);
  }

  #files(sent: SentFile[], save: (file: SentFile) => SaveFile): HTMLElement {
    const { language, previews } = this.options;
    const cards = sent.map((file) => fileCard(file, save(file), { language, previews }));
    return h("div", { class: "files" }, ...cards);
  }

  #stateNote(message: Message): string | null {
    const { strings } = this.options;
    const isStopped = message.state === "interrupted" || message.state === "retracted";
    if (isStopped) return strings.interrupted;
    return message.state === "failed" ? strings.failed : null;
  }

  #chips(chips: Chip[]): HTMLElement {
    const group = h("div", { class: "chips", role: "group" });
    // A person is always offered at the same place; here only when there is nothing else to choose.
    const shown = chips.length > 1 ? chips.filter((chip) => chip !== "human") : chips;
    for (const chip of shown) {
      const label = this.options.strings.chips[chip];
      const button = h("button", { type: "button", class: "chip", "data-chip": chip }, label);
      button.addEventListener("click", () => this.options.choose?.(chip));
      group.append(button);
    }
    return group;
  }
}

/** Somebody is at it. */
export function dots(): HTMLElement {
  return h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
}

function fillEvent(li: HTMLLIElement, message: Message): void {
  li.className = "event";
  li.dataset["id"] = message.id;
  patch(li, [h("p", { dir: "auto" }, message.text)]);
}

/** What a customer typed is shown as typed. */
function plain(text: string): Node {
  const lines = h("p");
  text.split("\n").forEach((line, i) => {
    if (i > 0) lines.append(h("br"));
    lines.append(line);
  });
  return lines;
}

/** Of today the hour, of any other day the day too. */
function time(at: string, language: string | undefined): HTMLTimeElement {
  const moment = new Date(at);
  const isToday = moment.toDateString() === new Date().toDateString();
  const day = isToday ? {} : ({ day: "numeric", month: "short" } as const);
  const shown = new Intl.DateTimeFormat(language, { ...day, hour: "numeric", minute: "2-digit" });
  return h("time", { datetime: at }, shown.format(moment));
}
