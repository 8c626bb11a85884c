/** The panel beside a thread: who has it, how urgent it is, its labels, and whether they may write. */

import { h } from "../dom.ts";
import type { ClientFrame, Priority } from "../protocol.ts";
import type { Thread } from "../thread.ts";
import { agentStrings } from "./strings.ts";

const COLOURS = ["blue", "green", "orange", "violet", "teal", "pink", "red", "grey"];

export class Details {
  private readonly assignee: HTMLSelectElement;
  private readonly priority: HTMLSelectElement;
  private readonly labels: HTMLElement;
  private readonly block: HTMLButtonElement;

  constructor(
    panel: HTMLElement,
    private readonly conversation: string,
    private readonly send: (frame: ClientFrame) => void,
  ) {
    this.assignee = one(panel, "select[data-part=assignee]", HTMLSelectElement);
    this.priority = one(panel, "select[data-part=priority]", HTMLSelectElement);
    this.labels = one(panel, "[data-part=labels]", HTMLElement);
    this.block = one(panel, "[data-act=block]", HTMLButtonElement);
    this.assignee.addEventListener("change", () => this.assign());
    this.priority.addEventListener("change", () => {
      const to = this.priority.value as Priority;
      send({ t: "priority", c: conversation, to });
    });
    const form = one(panel, "form[data-part=add-label]", HTMLFormElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.addLabel(one(form, "input", HTMLInputElement));
    });
    panel.querySelector("[data-part=fitting]")?.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      const { fits, colour } = button?.dataset ?? {};
      if (!button || !fits) return;
      send({ t: "label", c: conversation, name: fits, on: true, colour: colour ?? "grey" });
      const place = button.parentElement;
      button.remove();
      if (place && !place.querySelector("button")) place.hidden = true;
    });
    this.labels.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      const name = button?.dataset["label"];
      if (name !== undefined) send({ t: "label", c: conversation, name, on: false });
    });
  }

  show(thread: Thread, canWrite: boolean, isEnded: boolean): void {
    this.assignee.disabled = !canWrite || isEnded;
    this.priority.disabled = !canWrite;
    this.assignee.value = thread.assignee?.id ?? "";
    this.priority.value = thread.priority;
    this.block.hidden = !canWrite;
    this.block.textContent = thread.isBlocked ? agentStrings.unblock : agentStrings.block;
    this.labels.replaceChildren(...thread.labels.map(({ name, colour }) => chip(name, colour, canWrite)));
  }

  private assign(): void {
    const to = this.assignee.value;
    this.send(to ? { t: "assign", c: this.conversation, to } : { t: "assign", c: this.conversation });
  }

  private addLabel(field: HTMLInputElement): void {
    const name = field.value.trim();
    if (!name) return;
    field.value = "";
    // A new label gets a colour by its name, a known one keeps its own.
    const sum = [...name].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
    const colour = COLOURS[sum % COLOURS.length] ?? "grey";
    this.send({ t: "label", c: this.conversation, name, on: true, colour });
  }
}

function chip(name: string, colour: string, canWrite: boolean): HTMLElement {
  const label = h("span", { class: "label", "data-colour": colour }, name);
  if (!canWrite) return label;
  const title = `Take off “${name}”`;
  label.append(h("button", { type: "button", "data-label": name, "aria-label": title, title }, "×"));
  return label;
}

function one<E extends HTMLElement>(root: HTMLElement, selector: string, type: new () => E): E {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`the details lack ${selector}`);
  return found;
}
