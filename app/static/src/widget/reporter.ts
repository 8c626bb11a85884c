/** Tells the page what happens in the conversation: each thing once, and nothing of the history. */

import type { Control, Message, Status } from "../protocol.ts";
import type { Thread } from "../thread.ts";
import type { Shell } from "./shell.ts";

export class Reporter {
  #conversation: string | null = null;
  #told = new Set<string>();
  #control: Control = "bot";
  #status: Status = "open";
  #score: number | null = null;
  #unread = 0;

  constructor(private readonly emit: Shell["emit"]) {}

  /** While the history is still coming, everything counts as told. */
  update(thread: Thread, isHistoryKnown: boolean): void {
    const isNew = thread.id !== this.#conversation;
    const hasBegun = isNew && this.#conversation === null && isHistoryKnown;
    this.#conversation = thread.id;
    for (const item of thread.items()) {
      if (item.kind !== "message") continue;
      this.#message(item.message, thread, isHistoryKnown && (hasBegun || !isNew));
    }
    if (isHistoryKnown && (hasBegun || !isNew)) this.#changes(thread);
    [this.#control, this.#status] = [thread.control, thread.status];
    this.#score = thread.rating?.score ?? null;
  }

  count(unread: number): void {
    if (unread === this.#unread) return;
    this.#unread = unread;
    this.emit("unread", { count: unread });
  }

  #message(message: Message, thread: Thread, isNews: boolean): void {
    if (message.state === "streaming" || this.#told.has(message.id)) return;
    this.#told.add(message.id);
    if (!isNews || message.kind !== "text" || message.text === "") return;
    const { id, role, text, at } = message;
    this.emit("message", { conversation: thread.id, id, role, text, at });
  }

  #changes(thread: Thread): void {
    const { id, control, status, assignee } = thread;
    if (control !== this.#control && control !== "bot") {
      this.emit("handoff", { conversation: id, to: control, name: assignee?.name ?? null });
    }
    if (status !== this.#status && status === "resolved") {
      this.emit("resolved", { conversation: id });
    }
    const score = thread.rating?.score ?? null;
    if (score !== null && score !== this.#score) this.emit("csat", { conversation: id, score });
  }
}
