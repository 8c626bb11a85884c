/** Where an agent writes: Enter sends, Shift+Enter breaks the line; the bot's text can be taken up. */

interface Handlers {
  send(text: string): void;
  typed(): void;
}

const MAX_HEIGHT_PX = 220;

export class ReplyForm {
  private readonly field: HTMLTextAreaElement;
  private readonly button: HTMLButtonElement;
  private readonly draft: HTMLButtonElement;
  private draftText = "";

  constructor(
    private readonly form: HTMLFormElement,
    private readonly handlers: Handlers,
  ) {
    const field = form.querySelector("textarea");
    const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
    const draft = form.querySelector<HTMLButtonElement>("[data-part=draft]");
    if (!field || !button || !draft) throw new Error("the reply form is not complete");
    this.field = field;
    this.button = button;
    this.draft = draft;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    field.addEventListener("input", () => {
      this.fit();
      this.handlers.typed();
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
    draft.addEventListener("click", () => this.takeDraft());
  }

  focus(): void {
    this.field.focus();
  }

  setLimit(limit: number): void {
    this.field.maxLength = limit;
  }

  show(isOpen: boolean, placeholder: string): void {
    const wasHidden = this.form.hidden;
    this.form.hidden = !isOpen;
    if (wasHidden && isOpen) this.fit(); // a hidden field has no height to measure
    if (this.field.placeholder !== placeholder) this.field.placeholder = placeholder;
  }

  /** What the bot had written when it was stopped can be the beginning of the agent's reply. */
  offerDraft(text: string): void {
    this.draftText = text.replace(/\s*\[\d{1,2}\]/g, "").trim();
    this.draft.hidden = this.draftText === "";
  }

  private takeDraft(): void {
    this.field.value = this.field.value ? `${this.field.value}\n${this.draftText}` : this.draftText;
    this.offerDraft("");
    this.fit();
    this.field.focus();
  }

  private submit(): void {
    const text = this.field.value.trim();
    if (!text) return;
    this.field.value = "";
    this.offerDraft("");
    this.fit();
    this.handlers.send(text);
    this.field.focus();
  }

  private fit(): void {
    this.button.disabled = !this.field.value.trim();
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, MAX_HEIGHT_PX)}px`;
  }
}
