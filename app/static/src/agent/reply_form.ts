/**
 * Where an agent writes replies and notes. Enter sends, Shift+Enter breaks the line; the bot's text
 * can be taken up; what is not sent is kept by the server and is there on every device.
 */

import type { Limits, SentFile } from "../protocol.ts";
import { Tray } from "../tray.ts";
import type { UploadTarget } from "../upload.ts";
import { agentStrings } from "./strings.ts";
import { Suggestions } from "./suggestions.ts";

export type Kind = "reply" | "note";

interface Handlers {
  send(kind: Kind, text: string, files: SentFile[]): void;
  typed(): void;
  /** Keep what is written; empty: nothing. */
  keep(kind: Kind, text: string): void;
}

const MAX_HEIGHT_PX = 220;
const KEEP_AFTER_MS = 700;

function uploadTarget(): UploadTarget {
  return { url: "/dashboard/files", headers: { "X-CSRF": document.body.dataset["csrf"] ?? "" } };
}

export class ReplyForm {
  private readonly field: HTMLTextAreaElement;
  private readonly button: HTMLButtonElement;
  private readonly draft: HTMLButtonElement;
  private readonly tray: Tray;
  private readonly suggestions: Suggestions;
  private readonly texts: Record<Kind, string>;
  private kind: Kind = "reply";
  private draftText = "";
  private takenText = "";
  private keepTimer: number | null = null;
  private placeholders: Record<Kind, string> = { reply: "", note: "" };

  constructor(
    private readonly form: HTMLFormElement,
    private readonly handlers: Handlers,
    options: { canned: HTMLElement; colleagues: HTMLElement; customer: () => string },
  ) {
    const field = form.querySelector("textarea");
    const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
    const draft = form.querySelector<HTMLButtonElement>("[data-part=draft]");
    const list = form.querySelector<HTMLUListElement>("[data-part=suggestions]");
    if (!field || !button || !draft || !list) throw new Error("the reply form is not complete");
    this.field = field;
    this.button = button;
    this.draft = draft;
    this.tray = new Tray(agentStrings, uploadTarget, () => this.fit());
    field.before(this.tray.element);
    draft.before(this.tray.button);
    this.tray.listen(form);
    this.texts = { reply: field.dataset["reply"] ?? "", note: field.dataset["note"] ?? "" };
    this.suggestions = new Suggestions(field, list, { ...options, kind: () => this.kind }, () =>
      this.changed(),
    );
    field.value = this.texts.reply;
    this.listen();
  }

  focus(): void {
    this.field.focus();
  }

  setLimits(limits: Limits): void {
    this.field.maxLength = limits.text;
    this.tray.setLimits(limits.files);
  }

  /** `note` stays open where a reply is not possible. */
  show(can: Record<Kind, boolean>, placeholders: Record<Kind, string>): void {
    const wasHidden = this.form.hidden;
    this.placeholders = placeholders;
    this.form.hidden = !can.reply && !can.note;
    for (const tab of this.tabs()) tab.hidden = !can[tab.dataset["kind"] as Kind];
    if (!can[this.kind]) this.write(can.reply ? "reply" : "note");
    this.field.placeholder = placeholders[this.kind];
    if (wasHidden && !this.form.hidden) this.fit(); // a hidden field has no height to measure
  }

  /** Turn to replies or to notes; what was written in the other waits there. */
  write(kind: Kind): void {
    if (kind !== this.kind) {
      this.keep();
      this.texts[this.kind] = this.field.value;
      this.field.value = this.texts[kind];
      this.kind = kind;
    }
    this.form.dataset["kind"] = kind;
    for (const tab of this.tabs())
      tab.setAttribute("aria-pressed", String(tab.dataset["kind"] === kind));
    this.button.textContent = kind === "note" ? "Add note" : "Send";
    this.field.placeholder = this.placeholders[kind];
    this.fit();
  }

  /** What the bot had written when it was stopped can be the beginning of the agent's reply, once. */
  offerDraft(text: string): void {
    this.draftText = text.replace(/\s*\[\d{1,2}\]/g, "").trim();
    const isThere = this.draftText === this.takenText || this.field.value.includes(this.draftText);
    this.draft.hidden = this.draftText === "" || isThere;
  }

  /** For a text that is written for the agent. */
  text(): string {
    return this.field.value;
  }

  replace(text: string): void {
    this.write("reply");
    this.field.value = text;
    this.changed();
  }

  private listen(): void {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.form.addEventListener("click", (event) => {
      const tab = event.target instanceof HTMLElement ? event.target.closest("[data-kind]") : null;
      if (!(tab instanceof HTMLElement)) return;
      this.write(tab.dataset["kind"] as Kind);
      this.field.focus();
    });
    this.field.addEventListener("input", () => {
      this.changed();
      if (this.kind === "reply") this.handlers.typed();
    });
    this.field.addEventListener("keydown", (event) => {
      if (this.suggestions.key(event)) return event.preventDefault();
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
    this.field.addEventListener("blur", () => this.keep());
    this.draft.addEventListener("click", () => this.takeDraft());
  }

  private changed(): void {
    this.fit();
    this.suggestions.update();
    if (this.keepTimer !== null) window.clearTimeout(this.keepTimer);
    this.keepTimer = window.setTimeout(() => this.keep(), KEEP_AFTER_MS);
  }

  /** Before the page goes, or another conversation comes. */
  keep(): void {
    if (this.keepTimer === null) return;
    window.clearTimeout(this.keepTimer);
    this.keepTimer = null;
    this.handlers.keep(this.kind, this.field.value);
  }

  private takeDraft(): void {
    this.write("reply");
    this.field.value = this.field.value ? `${this.field.value}\n${this.draftText}` : this.draftText;
    this.takenText = this.draftText;
    this.draft.hidden = true;
    this.changed();
    this.field.focus();
  }

  private submit(): void {
    this.fit();
    if (this.button.disabled) return;
    const text = this.field.value.trim();
    if (this.keepTimer !== null) window.clearTimeout(this.keepTimer);
    this.keepTimer = null;
    this.field.value = "";
    if (this.kind === "reply") this.draft.hidden = true;
    this.fit();
    this.suggestions.update();
    this.handlers.keep(this.kind, "");
    this.handlers.send(this.kind, text, this.kind === "reply" ? this.tray.take() : []);
    this.field.focus();
  }

  private tabs(): NodeListOf<HTMLButtonElement> {
    return this.form.querySelectorAll<HTMLButtonElement>("button[data-kind]");
  }

  private fit(): void {
    const isNote = this.kind === "note"; // files go to customers, not into notes
    this.tray.element.classList.toggle("waiting", isNote);
    this.tray.button.classList.toggle("waiting", isNote);
    const hasFiles = !isNote && !this.tray.isEmpty;
    this.button.disabled = (!isNote && this.tray.isBusy) || (!this.field.value.trim() && !hasFiles);
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, MAX_HEIGHT_PX)}px`;
  }
}
