/** Ctrl+K: find a conversation by what was said in it, or do something, without the mouse. */

import { h } from "../dom.ts";

interface Command {
  title: string;
  keys: string;
  run: () => void;
}

const FIND_AFTER_MS = 150;

export class Palette {
  private readonly dialog: HTMLDialogElement;
  private readonly field: HTMLInputElement;
  private readonly commands: HTMLElement;
  private readonly found: HTMLElement;
  private timer: number | null = null;
  private asked = 0;

  constructor(dialog: HTMLDialogElement) {
    const field = dialog.querySelector("input");
    const commands = dialog.querySelector<HTMLElement>("#palette-commands");
    const found = dialog.querySelector<HTMLElement>("#palette-list");
    if (!field || !commands || !found) throw new Error("the palette is not complete");
    this.dialog = dialog;
    this.field = field;
    this.commands = commands;
    this.found = found;
    field.addEventListener("input", () => this.typed());
    dialog.addEventListener("keydown", (event) => this.key(event));
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside it
    });
  }

  open(): void {
    if (this.dialog.open) return;
    this.field.value = "";
    this.found.replaceChildren();
    this.drawCommands();
    this.dialog.showModal();
    this.field.focus();
  }

  private typed(): void {
    this.drawCommands();
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.find(), FIND_AFTER_MS);
  }

  private async find(): Promise<void> {
    const mine = ++this.asked;
    const answer = await fetch(`/dashboard/find?q=${encodeURIComponent(this.field.value)}`);
    const text = await answer.text();
    if (mine !== this.asked || !answer.ok) return;
    const parsed = new DOMParser().parseFromString(text, "text/html");
    this.found.replaceChildren(...parsed.body.childNodes);
    this.choose(this.options()[0]);
  }

  private drawCommands(): void {
    const typed = this.field.value.toLowerCase();
    const fitting = commandsOfPage().filter(({ title }) => title.toLowerCase().includes(typed));
    const items = fitting.map(({ title, keys, run }, i) => {
      const id = `command-${i}`;
      const button = h("button", { type: "button", class: "found", role: "option", tabindex: "-1", id });
      button.append(h("span", { class: "found-text" }, title), keys ? h("kbd", {}, keys) : "");
      button.addEventListener("click", () => {
        this.dialog.close();
        run();
      });
      return h("li", { role: "presentation" }, button);
    });
    this.commands.replaceChildren(...items);
    this.choose(this.options()[0]);
  }

  private options(): HTMLElement[] {
    return [...this.dialog.querySelectorAll<HTMLElement>(".found")];
  }

  private choose(option: HTMLElement | undefined): void {
    for (const each of this.options()) each.setAttribute("aria-selected", String(each === option));
    this.field.setAttribute("aria-activedescendant", option?.id ?? "");
    option?.scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    const options = this.options();
    const now = options.findIndex((each) => each.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") this.choose(options[(now + 1) % options.length]);
    else if (event.key === "ArrowUp")
      this.choose(options[(now + options.length - 1) % options.length]);
    else if (event.key === "Enter") options[now]?.click();
    else return;
    event.preventDefault();
  }
}

/** What can be done right now: the buttons of the page that are shown, and the way to other pages. */
function commandsOfPage(): Command[] {
  const acts = [...document.querySelectorAll<HTMLElement>(ACTS)]
    .filter((one) => !one.closest("[hidden], :disabled"))
    .map((one) => ({
      title: one.dataset["command"] ?? one.textContent.trim(),
      keys: KEYS[one.dataset["act"] ?? one.dataset["kind"] ?? one.id] ?? "",
      run: () => (one.matches("select, input") ? showField(one) : one.click()),
    }));
  const views = links(".views a").map((view) => goTo(view, (view.firstChild?.textContent ?? "").trim()));
  const pages = links("#palette-pages a").map((page) => goTo(page, page.textContent.trim()));
  return [...acts, ...views, ...pages].filter(({ title }) => title !== "");
}

/** Put the cursor into a field of the details, which a small screen shows only when asked. */
export function showField(field: HTMLElement): void {
  if (!field.checkVisibility()) document.querySelector<HTMLElement>(".details-toggle")?.click();
  field.focus();
}

function links(selector: string): HTMLAnchorElement[] {
  return [...document.querySelectorAll<HTMLAnchorElement>(selector)];
}

function goTo(link: HTMLAnchorElement, name: string): Command {
  return { title: `Go to ${name}`, keys: "", run: () => link.click() };
}

const ACTS =
  'care-conversation :is([data-act], [data-command]):not([data-act="details"], [data-act="block"])';
const KEYS: Record<string, string> = {
  takeover: "T",
  resolve: "E",
  release: "B",
  reply: "R",
  note: "N",
  assignee: "A",
  priority: "P",
  "new-label": "L",
};
