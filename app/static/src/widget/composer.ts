/** Where the visitor writes: Enter sends, Shift+Enter breaks the line, the field grows with the text. */

import { h, icon } from "../dom.ts";
import { SEND } from "../icons.ts";
import type { SentFile } from "../protocol.ts";
import type { Strings } from "../strings.ts";
import type { Tray } from "../tray.ts";

interface Handlers {
  send(text: string, files: SentFile[]): void;
  typing(text: string): void;
}

/** While an input method composes, keys belong to it; in Safari the one that ends it says 229. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

const MAX_HEIGHT_PX = 140;

export class Composer {
  readonly element: HTMLFormElement;
  readonly #field: HTMLTextAreaElement;
  readonly #button: HTMLButtonElement;

  constructor(
    strings: Strings,
    private readonly handlers: Handlers,
    private readonly tray: Tray,
  ) {
    const asked = { "aria-label": strings.composer, enterkeyhint: "send" };
    this.#field = h("textarea", { rows: "1", dir: "auto", ...asked });
    this.#field.placeholder = strings.placeholder;
    this.#button = h("button", { type: "submit", class: "send", "aria-label": strings.send }, icon(...SEND));
    this.element = h("form", { class: "composer" }, tray.button, this.#field, this.#button);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => {
      this.fit();
      this.handlers.typing(this.#field.value);
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
      event.preventDefault();
      this.#submit();
    });
    this.#button.disabled = true;
  }

  focus(): void {
    this.#field.focus();
  }

  get text(): string {
    return this.#field.value;
  }

  set text(text: string) {
    this.#field.value = text;
    this.fit();
  }

  /** The tray holds something else. */
  refresh(): void {
    this.#button.disabled = this.tray.isBusy || (!this.#field.value.trim() && this.tray.isEmpty);
  }

  setLimit(limit: number): void {
    this.#field.maxLength = limit;
  }

  setPlaceholder(text: string): void {
    if (this.#field.placeholder !== text) this.#field.placeholder = text;
  }

  #submit(): void {
    const text = this.#field.value.trim();
    if (this.tray.isBusy || (!text && this.tray.isEmpty)) return;
    this.#field.value = "";
    this.handlers.send(text, this.tray.take());
    this.fit();
    this.#field.focus();
  }

  /** Call when it has become visible: a hidden field has no height to measure. */
  fit(): void {
    this.refresh();
    this.#field.style.height = "auto";
    this.#field.style.height = `${Math.min(this.#field.scrollHeight, MAX_HEIGHT_PX)}px`;
  }
}
