/**
 * Asks what the visitor thinks of a conversation that has ended: a star is sent when it is pressed,
 * a remark when it is sent, and then the rating is settled.
 */

import { h, icon } from "../dom.ts";
import { STAR } from "../icons.ts";
import type { Strings } from "../strings.ts";
import { stars } from "../stars.ts";
import type { Thread } from "../thread.ts";

const MAX_REMARK = 2_000;
const SCORES = [1, 2, 3, 4, 5];

export class RatingCard {
  readonly element: HTMLElement;
  readonly #title: HTMLElement;
  readonly #buttons: HTMLButtonElement[];
  readonly #choice: HTMLElement;
  readonly #remark: HTMLTextAreaElement;
  readonly #form: HTMLFormElement;
  readonly #settled = h("div", { class: "settled", hidden: true });
  #conversation: string | null = null;
  #chosen = 0;

  constructor(
    private readonly strings: Strings,
    private readonly submit: (score: number, comment: string) => void,
  ) {
    const { rating } = strings;
    this.#title = h("p", { class: "rating-title", id: "rating-title", tabindex: "-1" }, rating.title);
    this.#buttons = SCORES.map((score) => this.#star(score));
    this.#choice = h("div", { class: "choice", role: "group", "aria-labelledby": "rating-title" });
    this.#choice.append(...this.#buttons);
    this.#remark = h("textarea", { rows: "2", maxlength: String(MAX_REMARK), dir: "auto" });
    this.#remark.setAttribute("aria-label", rating.remark);
    this.#remark.placeholder = rating.remark;
    this.#form = h("form", { hidden: true }, this.#remark, h("button", { type: "submit" }, rating.send));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const comment = this.#remark.value.trim();
      if (!comment) return;
      this.#title.focus();
      this.submit(this.#chosen, comment);
    });
    const parts = [this.#title, this.#choice, this.#form, this.#settled];
    this.element = h("section", { class: "rating", hidden: true }, ...parts);
  }

  show(thread: Thread): void {
    const isOver = thread.status === "resolved" || thread.status === "archived";
    const { rating } = thread;
    this.element.hidden = !isOver || rating === null;
    if (thread.id !== this.#conversation) this.#begin(thread.id);
    if (rating === null) return;
    if (rating.score !== undefined) this.#chosen = rating.score;
    const isSettled = rating.comment !== undefined;
    const { title, thanks } = this.strings.rating;
    this.#title.textContent = this.#chosen > 0 ? thanks : title;
    this.#choice.hidden = isSettled;
    this.#form.hidden = isSettled || this.#chosen === 0;
    this.#settled.hidden = !isSettled;
    if (isSettled && this.#settled.childElementCount === 0)
      this.#settled.append(stars(this.#chosen), h("blockquote", { dir: "auto" }, rating.comment));
    for (const [place, button] of this.#buttons.entries()) {
      button.setAttribute("aria-pressed", String(place + 1 === this.#chosen));
      button.classList.toggle("full", place < this.#chosen);
    }
  }

  #begin(conversation: string | null): void {
    this.#conversation = conversation;
    this.#chosen = 0;
    this.#remark.value = "";
    this.#settled.replaceChildren();
  }

  #star(score: number): HTMLButtonElement {
    const label = this.strings.rating.star(score);
    const button = h("button", { type: "button", class: "star", "aria-label": label }, icon(...STAR));
    button.addEventListener("click", () => {
      this.#chosen = score;
      this.submit(score, "");
    });
    return button;
  }
}
