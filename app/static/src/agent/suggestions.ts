/** What can stand at the cursor: canned replies after `/`, colleagues after `@` in a note. */

import { h } from "../dom.ts";
import type { Kind } from "./reply_form.ts";

interface Sources {
  canned: HTMLElement;
  colleagues: HTMLElement;
  customer(): string;
  kind: () => Kind;
}

interface Suggestion {
  title: string;
  detail: string;
  text: string;
}

const MAX_SHOWN = 6;
const WORD = /(^|\s)([/@])([^\s/@]*)$/;

export class Suggestions {
  private shown: Suggestion[] = [];
  private chosen = 0;

  constructor(
    private readonly field: HTMLTextAreaElement,
    private readonly list: HTMLUListElement,
    private readonly sources: Sources,
    private readonly inserted: () => void,
  ) {
    list.addEventListener("mousedown", (event) => {
      const item = event.target instanceof Element ? event.target.closest("li") : null;
      if (!item) return;
      event.preventDefault(); // the field keeps the focus
      this.insert([...this.list.children].indexOf(item));
    });
  }

  update(): void {
    const match = this.match();
    this.shown = match ? this.find(match[2] ?? "", (match[3] ?? "").toLowerCase()) : [];
    this.chosen = 0;
    this.draw();
  }

  /** Whether this key was for the list. */
  key(event: KeyboardEvent): boolean {
    if (this.shown.length === 0 || event.isComposing) return false;
    if (event.key === "Escape") this.shown = [];
    else if (event.key === "ArrowDown") this.chosen = (this.chosen + 1) % this.shown.length;
    else if (event.key === "ArrowUp")
      this.chosen = (this.chosen + this.shown.length - 1) % this.shown.length;
    else if (event.key === "Enter" || event.key === "Tab") return this.insert(this.chosen), true;
    else return false;
    this.draw();
    return true;
  }

  private match(): RegExpMatchArray | null {
    return this.field.value.slice(0, this.field.selectionStart).match(WORD);
  }

  private find(sign: string, typed: string): Suggestion[] {
    const fits = (text: string) => text.toLowerCase().includes(typed);
    if (sign === "@") {
      if (this.sources.kind() !== "note") return [];
      const names = items(this.sources.colleagues).map((item) => item.textContent.trim());
      return names
        .filter(fits)
        .slice(0, MAX_SHOWN)
        .map((name) => ({ title: name, detail: "", text: `@${name} ` }));
    }
    return items(this.sources.canned)
      .filter((item) => fits(item.dataset["shortcut"] ?? "") || fits(item.dataset["title"] ?? ""))
      .slice(0, MAX_SHOWN)
      .map((item) => ({
        title: `/${item.dataset["shortcut"] ?? ""}`,
        detail: item.dataset["title"] ?? "",
        text: this.filled(item.textContent.trim()),
      }));
  }

  private filled(text: string): string {
    return text.replaceAll("{name}", this.sources.customer().split(" ")[0] ?? "");
  }

  private insert(index: number): void {
    const suggestion = this.shown[index];
    const match = this.match();
    if (!suggestion || !match) return;
    const end = this.field.selectionStart;
    const start = end - (match[2] ?? "").length - (match[3] ?? "").length;
    this.field.setRangeText(suggestion.text, start, end, "end");
    this.shown = [];
    this.draw();
    this.inserted();
    this.field.focus();
  }

  private draw(): void {
    this.list.hidden = this.shown.length === 0;
    this.list.replaceChildren(
      ...this.shown.map(({ title, detail }, i) =>
        h(
          "li",
          { role: "option", "aria-selected": String(i === this.chosen) },
          h("strong", {}, title),
          h("span", {}, detail),
        ),
      ),
    );
  }
}

function items(list: HTMLElement): HTMLLIElement[] {
  return [...list.querySelectorAll("li")];
}
