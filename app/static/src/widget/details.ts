/**
 * Whether the visitor still has to say who they are, and what they have said: told to the server
 * again after every reconnect until a conversation holds it.
 */

import type { Details, Payloads, Prechat } from "../protocol.ts";
import type { Strings } from "../strings.ts";
import { newId } from "../uuid.ts";
import { PrechatForm } from "./prechat.ts";
import type { Told } from "./prechat.ts";

export class DetailsKeeper {
  #asked: Prechat | null = null;
  #told: Told | null = null;
  #form: PrechatForm | null = null;
  #cid: string | null = null;

  constructor(
    private readonly show: (form: PrechatForm | null) => void,
    private readonly post: (frame: Details) => void,
    private readonly strings: () => Strings,
    /** What was written before can be sent now. */
    private readonly submitted: () => void,
  ) {}

  get isAsking(): boolean {
    return this.#form !== null;
  }

  get hasTold(): boolean {
    return this.#told !== null;
  }

  /** What the server asks of this visitor now; nothing when it knows them. */
  welcome(asked: Prechat | undefined): void {
    const isTheSame = this.#form !== null && JSON.stringify(asked) === JSON.stringify(this.#asked);
    this.#asked = asked ?? null;
    if (this.#asked && this.#told) this.#tell(this.#told);
    else if (!isTheSame) this.ask();
  }

  /** Show the form, in the language that is spoken now, or take it away. */
  ask(): void {
    const asked = this.#asked;
    const told = this.#told;
    const typed = this.#form?.typed;
    this.#form = asked && !told ? new PrechatForm(asked, this.strings(), (said) => this.#submit(said)) : null;
    if (this.#form && typed) this.#form.typed = typed;
    this.show(this.#form);
  }

  /** Whether the refusal was of what they said; they are asked again, and find it in the form. */
  isRefused(nack: Payloads["nack"]): boolean {
    if (nack.cid === undefined || nack.cid !== this.#cid) return false;
    const told = this.#told;
    this.#told = null;
    this.ask();
    if (this.#form && told) this.#form.typed = told;
    this.#form?.refuse(nack.fields ?? {});
    return true;
  }

  forget(): void {
    this.#told = this.#asked = null;
    this.#form = null; // with what was typed into it
    this.ask();
  }

  #submit(said: Told): void {
    this.#tell(said);
    this.submitted();
  }

  #tell(said: Told): void {
    this.#told = said;
    this.#cid = newId();
    this.post({ t: "details", cid: this.#cid, ...said });
    this.ask();
  }
}
