/**
 * What must arrive: sent one after the other in the order it was written, each until the server has
 * acknowledged or refused it. After a cut it is sent again under the same `cid`, which the server
 * takes for the same.
 */

import type { CsatSubmit, Details, MessageSend } from "./protocol.ts";

export type Posted = MessageSend | CsatSubmit | Details;

export class Outbox {
  readonly #waiting = new Map<string, Posted>();
  #inFlight: string | null = null;

  /** `transmit` tells whether the frame could be sent. */
  constructor(private readonly transmit: (frame: Posted) => boolean) {}

  add(frame: Posted): void {
    this.#waiting.set(frame.cid, frame);
    this.next();
  }

  get(cid: string | undefined): Posted | undefined {
    return cid === undefined ? undefined : this.#waiting.get(cid);
  }

  /** It has been answered, or nobody wants it any more. */
  remove(cid: string): void {
    this.#waiting.delete(cid);
    if (this.#inFlight === cid) this.#inFlight = null;
  }

  /** Send the oldest, unless the answer to one is still to come. */
  next(): void {
    const [oldest] = this.#waiting.values();
    if (oldest && this.#inFlight === null && this.transmit(oldest)) this.#inFlight = oldest.cid;
  }

  /** The connection is gone, or the answer was to come again: whatever was on its way starts anew. */
  cut(): void {
    this.#inFlight = null;
  }
}
