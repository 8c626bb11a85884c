/**
 * A suggested reply on its way into the field, with its sources below. What the agent types wins:
 * from the first key on nothing more is written for them.
 */

import { h } from "../dom.ts";
import type { Payloads } from "../protocol.ts";

/** The field of the reply. */
export interface Field {
  read(): string;
  write(text: string): void;
}

export class Copilot {
  /** What stood in the field before; null: nothing is being written. */
  private before: string | null = null;
  private written = "";
  private expected = "";

  constructor(
    private readonly button: { disabled: boolean },
    private readonly field: Field,
    private readonly showSources: (sources: Payloads["suggestion.ready"]["sources"]) => void,
  ) {}

  begin(): void {
    this.before = this.field.read();
    this.expected = this.before;
    this.written = "";
    this.button.disabled = true;
    this.showSources([]);
  }

  /** `o` counts code points; a piece whose place is not here is left to the whole text. */
  delta({ o, x }: Payloads["suggestion.delta"]): void {
    if (this.before !== null && [...this.written].length === o) this.put(this.written + x);
  }

  /** Whether there was anything to suggest. */
  ready({ text, sources }: Payloads["suggestion.ready"]): boolean {
    this.put(text);
    this.end();
    this.showSources(text ? sources : []);
    return text !== "";
  }

  /** The reply has gone, and its sources with it. */
  sent(): void {
    this.end();
    this.showSources([]);
  }

  end(): void {
    this.before = null;
    this.button.disabled = false;
  }

  private put(text: string): void {
    if (this.before === null) return;
    if (this.field.read() !== this.expected) {
      this.before = null;
      return;
    }
    this.written = text;
    const base = this.before.trimEnd();
    this.expected = base && text ? `${base}\n\n${text}` : text || this.before;
    this.field.write(this.expected);
  }
}

/** The articles that a suggestion was taken from, as links. */
export function sourcesInto(
  list: HTMLUListElement,
): (sources: Payloads["suggestion.ready"]["sources"]) => void {
  return (sources) => {
    list.hidden = sources.length === 0;
    list.replaceChildren(
      ...sources.map(({ title, url, quote }) =>
        h("li", {}, h("a", { href: url, target: "_blank", rel: "noopener", title: quote }, title)),
      ),
    );
  };
}
