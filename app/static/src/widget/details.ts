/**
 * Whether the visitor still has to say who they are, and what they have said: told to the server
 * again after every reconnect until a conversation holds it.
 */

import type { Details, Payloads, Prechat } from "../protocol.ts";
import type { Strings } from "../strings.ts";
import { PrechatForm } from "./prechat.ts";
import type { Told } from "./prechat.ts";

export class DetailsKeeper {
  private asked: Prechat | null = null;
  private told: Told | null = null;
  private form: PrechatForm | null = null;
  private cid: string | null = null;

  constructor(
    private readonly show: (form: PrechatForm | null) => void,
    private readonly post: (frame: Details) => void,
    private readonly strings: () => Strings,
  ) {}

  get isAsking(): boolean {
    return this.form !== null;
  }

  get hasTold(): boolean {
    return this.told !== null;
  }

  /** What the server asks of this visitor now; nothing when it knows them. */
  welcome(asked: Prechat | undefined): void {
    this.asked = asked ?? null;
    if (this.asked && this.told) this.tell(this.told);
    else this.ask();
  }

  /** Show the form, in the language that is spoken now, or take it away. */
  ask(): void {
    const { asked, told } = this;
    this.form = asked && !told ? new PrechatForm(asked, this.strings(), (said) => this.tell(said)) : null;
    this.show(this.form);
  }

  /** Whether the refusal was of what they said; they are asked again. */
  isRefused(nack: Payloads["nack"]): boolean {
    if (nack.cid === undefined || nack.cid !== this.cid) return false;
    this.told = null;
    this.ask();
    this.form?.refuse(nack.fields ?? {});
    return true;
  }

  forget(): void {
    this.told = null;
    this.asked = null;
    this.ask();
  }

  private tell(said: Told): void {
    this.told = said;
    this.cid = crypto.randomUUID();
    this.post({ t: "details", cid: this.cid, ...said });
    this.ask();
  }
}
