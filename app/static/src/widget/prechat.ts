/**
 * Asks who writes before the first message, where the site wants to know. What is missing is told
 * at its field; the server looks again and has the last word.
 */

import { h } from "../dom.ts";
import type { Details, Payloads, Prechat } from "../protocol.ts";
import type { Strings } from "../strings.ts";

export type Told = Pick<Details, "name" | "email" | "consent">;
type Problems = Partial<Record<keyof Told, string>>;

const MAX_CHARS = { name: 200, email: 254 };
const EMAIL = /^[^@\s<>"',;]+@[^@\s<>"',;]+\.[^@\s<>"',;.]+$/;

/** By field, what the server would say. */
export function problemsOf(details: Told, asked: Prechat): Problems {
  const problems: Problems = {};
  for (const field of ["name", "email"] as const) {
    const text = details[field].trim();
    if (asked[field] === "required" && !text) problems[field] = "required";
    else if (text.length > MAX_CHARS[field]) problems[field] = "too_long";
    else if (field === "email" && text && !EMAIL.test(text)) problems[field] = "email";
  }
  if (asked.privacy_url && !details.consent) problems.consent = "consent";
  return problems;
}

export class PrechatForm {
  readonly element: HTMLFormElement;
  readonly #inputs = new Map<keyof Told, HTMLInputElement>();

  constructor(
    private readonly asked: Prechat,
    private readonly strings: Strings,
    private readonly submit: (details: Told) => void,
  ) {
    const { prechat } = strings;
    this.element = h("form", { class: "prechat", novalidate: true }, h("h2", {}, prechat.title));
    for (const field of ["name", "email"] as const) {
      if (asked[field] !== "off") this.element.append(this.#field(field));
    }
    if (asked.privacy_url) this.element.append(this.#consent(asked.privacy_url));
    this.element.append(h("button", { type: "submit", class: "start-chat" }, prechat.start));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** What is in its fields. */
  get typed(): Told {
    return {
      name: this.#inputs.get("name")?.value.trim() ?? "",
      email: this.#inputs.get("email")?.value.trim() ?? "",
      consent: this.#inputs.get("consent")?.checked ?? false,
    };
  }

  set typed({ name, email, consent }: Told) {
    for (const [field, text] of [["name", name], ["email", email]] as const) {
      const input = this.#inputs.get(field);
      if (input) input.value = text;
    }
    const agreed = this.#inputs.get("consent");
    if (agreed) agreed.checked = consent;
  }

  focus(): void {
    [...this.#inputs.values()][0]?.focus();
  }

  /** Show what does not fit, and lead to the first of it. */
  refuse(problems: NonNullable<Payloads["nack"]["fields"]>): void {
    const known: Record<string, string> = this.strings.prechat.problems;
    let first: HTMLInputElement | null = null;
    for (const [field, input] of this.#inputs) {
      const problem = problems[field];
      const told = this.element.querySelector(`#prechat-${field}-error`);
      if (told) told.textContent = problem ? (known[problem] ?? known["required"] ?? "") : "";
      input.setAttribute("aria-invalid", String(problem !== undefined));
      if (problem !== undefined) first ??= input;
    }
    first?.focus();
  }

  #send(): void {
    const details = this.typed;
    const problems = problemsOf(details, this.asked);
    this.refuse(problems);
    if (Object.keys(problems).length === 0) this.submit(details);
  }

  #field(field: "name" | "email"): HTMLElement {
    const { prechat } = this.strings;
    const type = field === "email" ? "email" : "text";
    const input = this.#input(field, { type, autocomplete: field, dir: "auto" });
    const isOptional = this.asked[field] === "optional";
    const label = h("label", { for: `prechat-${field}` }, prechat[field]);
    if (isOptional) label.append(" ", h("small", {}, `(${prechat.optional})`));
    return h("div", { class: "field" }, label, input, this.#error(field));
  }

  /** The words in brackets lead to the notice. */
  #consent(url: string): HTMLElement {
    const [before = "", link = "", after = ""] = this.strings.prechat.consent.split(/[[\]]/);
    const notice = h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, link);
    const label = h("label", { for: "prechat-consent" }, before, notice, after);
    const input = this.#input("consent", { type: "checkbox" });
    return h("div", { class: "field" }, h("div", { class: "agree" }, input, label), this.#error("consent"));
  }

  #input(field: keyof Told, more: Record<string, string>): HTMLInputElement {
    const id = `prechat-${field}`;
    const isRequired = field === "consent" || this.asked[field] === "required";
    const required = isRequired ? "true" : null;
    const input = h("input", { id, "aria-describedby": `${id}-error`, "aria-required": required, ...more });
    this.#inputs.set(field, input);
    return input;
  }

  #error(field: keyof Told): HTMLElement {
    return h("p", { class: "problem", id: `prechat-${field}-error` });
  }
}
