/** The conversation on the screen: at first the visitor's newest, another when they choose one. */

import type { Realtime } from "../rt.ts";
import type { Sequence } from "../sequence.ts";
import { Thread } from "../thread.ts";
import type { Conversations } from "./conversations.ts";

export class Current {
  /** It has no id before its first message is acknowledged. */
  thread = new Thread();
  /** False while the server still tells what was said before. */
  isHistoryKnown = true;
  /** The next message opens a conversation, also where another is open. */
  isBeginning = false;

  constructor(
    private readonly own: Conversations,
    private readonly realtime: Pick<Realtime, "follow" | "unfollow">,
  ) {}

  /** What the visitor has said last, unless they are on to something else. */
  resume(newest: { id: string } | undefined): void {
    if (newest && this.thread.id === null && !this.isBeginning) this.#fetch(newest.id);
  }

  /** The conversation has an id now. */
  adopt(id: string): Sequence {
    this.thread.id = id;
    this.isBeginning = false;
    this.own.keep(id, this.thread);
    return this.realtime.follow(id, this.thread);
  }

  /** Whether a conversation that has just begun is the one on the screen. */
  isBegunBy(cid: string | undefined): boolean {
    if (this.thread.id !== null) return false;
    return this.thread.waits(cid) || (this.thread.isEmpty && !this.isBeginning);
  }

  /** Show another conversation; what waits in this one is sent all the same. */
  turnTo(id: string): void {
    this.#replace(this.own.thread(id));
    if (this.thread.id === null) this.#fetch(id);
  }

  begin(): void {
    this.#replace();
    this.isBeginning = true;
  }

  leave(): void {
    if (this.thread.id !== null) this.realtime.unfollow(this.thread.id);
    this.#replace();
  }

  #replace(thread: Thread = new Thread()): void {
    this.thread.typing = null; // nobody would take it away
    this.thread = thread;
    this.isBeginning = false;
    this.isHistoryKnown = true;
  }

  /** Have a conversation told that this page has not shown yet. */
  #fetch(id: string): void {
    const listed = this.own.find(id);
    if (listed) this.thread.meet(listed);
    this.isHistoryKnown = false;
    this.adopt(id).sync(0);
  }
}
