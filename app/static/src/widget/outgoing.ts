/**
 * What the visitor says: on the screen at once, on the device until the server has it, sent in the
 * order it was written.
 */

import type { Chip, MessageSend, SentFile } from "../protocol.ts";
import type { Realtime } from "../rt.ts";
import { TypingSender } from "../typing.ts";
import { newId } from "../uuid.ts";
import type { Current } from "./current.ts";
import { DraftSender } from "./draft.ts";
import { KeptMessages } from "./kept.ts";

type Wire = Pick<Realtime, "send" | "post" | "withdraw">;
interface More {
  chip?: Chip;
  files?: SentFile[] | undefined;
}

export class Outgoing {
  /** Whether this visitor has said something, so that their session may be kept. */
  hasSpoken = false;
  readonly drafts = new DraftSender((text) => {
    const { id } = this.current.thread;
    this.wire.send(id === null ? { t: "draft", text } : { t: "draft", c: id, text });
  });

  readonly #kept: KeptMessages;
  readonly #typing = new TypingSender(() => {
    const { id } = this.current.thread;
    if (id) this.wire.send({ t: "typing", c: id, on: true });
  });

  constructor(
    site: string,
    private readonly current: Current,
    private readonly wire: Wire,
  ) {
    this.#kept = new KeptMessages(site);
  }

  say(text: string, more: More = {}): void {
    const cid = newId();
    const { thread, isBeginning } = this.current;
    const files = more.files ?? [];
    const pending = { cid, text, files, at: new Date().toISOString() };
    thread.addPending(pending);
    const named = files.length > 0 ? { files: files.map((file) => file.id) } : {};
    const chosen = more.chip ? { chip: more.chip } : {};
    const anew = isBeginning ? { begin: true } : {};
    const where = thread.id === null ? anew : { c: thread.id };
    const frame: MessageSend = { t: "message.send", cid, text, ...where, ...chosen, ...named };
    this.current.isBeginning = false; // what is written next goes on there
    this.#kept.add({ frame, pending });
    this.wire.post(frame);
    this.#typing.sent();
    this.drafts.sent();
    this.hasSpoken = true;
  }

  typed(text: string): void {
    this.#typing.typed();
    const { id, control, live } = this.current.thread;
    if (id === null || (control === "bot" && !live)) this.drafts.typed(text);
  }

  /** Say it again: the server would not have it. */
  retry(cid: string): void {
    const pending = this.current.thread.removePending(cid);
    if (pending) this.#sayAgain([pending]);
  }

  /** Say everything again that the server does not have, where the visitor is now. */
  retryAll(): void {
    this.#sayAgain(this.current.thread.takePending());
  }

  /** Leave the conversation, with what waits: it opens the next one. */
  moveOn(): void {
    const waiting = this.current.thread.takePending();
    this.current.leave();
    this.#sayAgain(waiting);
  }

  /** Send what an earlier visit of this page wrote and could not send. */
  takeUp(): void {
    for (const { frame, pending } of this.#kept.all()) {
      this.current.thread.addPending(pending);
      this.hasSpoken = true;
      this.wire.post(frame);
    }
  }

  /** The server has it, or will never have it. */
  settle(cid: string | undefined): void {
    if (cid !== undefined) this.#kept.remove(cid);
  }

  /** Nothing that waits is sent any more: it is another person's. */
  drop(): void {
    this.hasSpoken = false;
    for (const { cid } of this.current.thread.takePending()) this.#withdraw(cid);
    for (const { frame } of this.#kept.all()) this.#withdraw(frame.cid);
  }

  #sayAgain(waiting: { cid: string; text: string; files?: SentFile[] }[]): void {
    for (const { cid } of waiting) this.#withdraw(cid);
    for (const { text, files } of waiting) this.say(text, { files });
  }

  #withdraw(cid: string): void {
    this.#kept.remove(cid);
    this.wire.withdraw(cid);
  }
}
