/** What the visitor has read: told to the server; the rest is counted at the launcher. */

import type { ConversationSummary } from "../protocol.ts";
import type { Realtime } from "../rt.ts";
import type { Thread } from "../thread.ts";
import type { Conversations } from "./conversations.ts";

export class Reading {
  constructor(
    private readonly own: Conversations,
    private readonly wire: Pick<Realtime, "send">,
  ) {}

  /** Take the server's list, and tell what was read while it could not be told. */
  take(listed: readonly ConversationSummary[]): void {
    for (const { id, read } of this.own.take(listed)) this.tell(id, read);
  }

  /** Everything of this thread is before the visitor's eyes. */
  see(thread: Thread): void {
    const { id, lastSeq } = thread;
    if (id === null || lastSeq <= this.own.readOf(id)) return;
    this.own.setRead(id, lastSeq);
    this.tell(id, lastSeq);
  }

  /** Messages of this conversation, and other conversations with something new. */
  count(thread: Thread): number {
    return this.own.unreadOf(thread.id) + this.own.unreadBeside(thread.id);
  }

  private tell(id: string, seq: number): void {
    this.wire.send({ t: "read", c: id, s: seq });
  }
}
