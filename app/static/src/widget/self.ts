/** What the page says about the person in front of it: a signed token, and words nobody signed. */

import type { ClientFrame, Payloads } from "../protocol.ts";
import { newId } from "../uuid.ts";
import { warn } from "./commands.ts";
import type { Held, Shell } from "./shell.ts";

type Attributes = Record<string, string | number | boolean | null>;
type Told = { code: string; message: string };

export class Self {
  /** Sent with every hello until it is replaced or the person logs out. */
  token: string | null;

  private attributes: Record<string, unknown>;
  private asked: string | null = null;

  constructor(private readonly emit: Shell["emit"], held: Held) {
    this.token = held.identify?.token ?? null;
    this.attributes = held.attributes ?? {};
  }

  hello(): { jwt?: string } {
    return this.token === null ? {} : { jwt: this.token };
  }

  /** Returns the frame that tells the server; null when there is nothing to tell. */
  frame(): ClientFrame | null {
    if (Object.keys(this.attributes).length === 0) return null;
    this.asked = newId();
    return { t: "attributes", cid: this.asked, values: this.attributes as Attributes };
  }

  learn(values: Record<string, unknown>): void {
    this.attributes = { ...this.attributes, ...values };
  }

  forget(): void {
    this.token = null;
    this.attributes = {};
  }

  /** Whether the refusal was about what the page said; the page is told, its visitor is not. */
  isRefused(nack: Payloads["nack"]): boolean {
    if (nack.cid === undefined || nack.cid !== this.asked) return false;
    this.fail({ code: nack.code, message: nack.message });
    return true;
  }

  /** What the server said about the token, if it said something against it. */
  judge(identity: { code?: string; message?: string } | undefined): void {
    const { code, message } = identity ?? {};
    if (code !== undefined) this.fail({ code, message: message ?? "" });
  }

  fail(error: Told): void {
    warn(`${error.code}: ${error.message}`);
    this.emit("error", error);
  }
}
