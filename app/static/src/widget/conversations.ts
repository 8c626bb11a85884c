/** A visitor's conversations: what the server listed, kept up to date by what is heard since. */

import type { ConversationSummary, Message, ServerFrame } from "../protocol.ts";
import type { Thread } from "../thread.ts";

export class Conversations {
  readonly #summaries = new Map<string, ConversationSummary>();
  readonly #threads = new Map<string, Thread>();

  /** The server's list; it knows better than we do. Returns what was read and it has not heard of. */
  take(listed: readonly ConversationSummary[]): { id: string; read: number }[] {
    const untold: { id: string; read: number }[] = [];
    for (const one of listed) {
      const read = this.readOf(one.id);
      this.#summaries.set(one.id, read > one.read ? { ...one, read, unread: 0 } : one);
      if (read > one.read) untold.push({ id: one.id, read });
    }
    return untold;
  }

  /** Newest activity first. */
  all(): ConversationSummary[] {
    return [...this.#summaries.values()].sort((a, b) => b.at.localeCompare(a.at));
  }

  find(id: string): ConversationSummary | undefined {
    return this.#summaries.get(id);
  }

  /** The thread, if it has been opened before. */
  thread(id: string): Thread | undefined {
    return this.#threads.get(id);
  }

  /** A thread that is being followed. */
  keep(id: string, thread: Thread): void {
    this.#threads.set(id, thread);
    if (this.#summaries.has(id)) return;
    const { status, control, epoch, lastSeq } = thread;
    const at = new Date().toISOString();
    const fresh = { subject: "", at, read: 0, unread: 0 };
    this.#summaries.set(id, { id, last_seq: lastSeq, status, control, epoch, ...fresh });
  }

  /** It is not there any more. */
  remove(id: string): void {
    this.#summaries.delete(id);
    this.#threads.delete(id);
  }

  /** Something has happened in a conversation that is not followed. */
  note(frame: ServerFrame): void {
    if (frame.c === undefined || frame.s === undefined) return;
    const known = this.#summaries.get(frame.c) ?? first(frame.c, frame);
    if (frame.s <= known.last_seq) return;
    const change: Partial<ConversationSummary> = { last_seq: frame.s };
    if (frame.t === "status.changed") change.status = frame.d.to;
    if (frame.t === "message.created") {
      const { message } = frame.d;
      change.at = message.at;
      if (isForVisitor(message)) change.unread = known.unread + 1;
      if (known.subject === "") change.subject = subjectOf(message.text, message.files);
    }
    this.#summaries.set(frame.c, { ...known, ...change });
  }

  /** What a thread says is what the list says. */
  update(thread: Thread): void {
    const known = thread.id === null ? undefined : this.#summaries.get(thread.id);
    if (!known) return;
    const messages = thread.items().flatMap((item) => (item.kind === "message" ? [item.message] : []));
    const subject = known.subject || subjectOf(messages[0]?.text ?? "", messages[0]?.files);
    const at = messages.at(-1)?.at ?? known.at;
    const last_seq = Math.max(known.last_seq, thread.lastSeq);
    const isWhole = thread.lastSeq >= known.last_seq; // else its history is still being told
    const num = messages.filter((one) => one.s > known.read && isForVisitor(one)).length;
    const unread = isWhole ? num : known.unread;
    this.#summaries.set(known.id, { ...known, status: thread.status, subject, last_seq, at, unread });
  }

  readOf(id: string | null): number {
    return (id === null ? undefined : this.#summaries.get(id)?.read) ?? 0;
  }

  setRead(id: string, seq: number): void {
    const known = this.#summaries.get(id);
    if (known) this.#summaries.set(id, { ...known, read: Math.max(seq, known.read), unread: 0 });
  }

  /** How many messages of one conversation nobody has read. */
  unreadOf(id: string | null): number {
    return (id === null ? undefined : this.#summaries.get(id)?.unread) ?? 0;
  }

  /** How many besides `current` hold something unread. */
  unreadBeside(current: string | null): number {
    return this.all().filter((one) => one.id !== current && one.unread > 0).length;
  }

  /** Another person is here now. */
  clear(): void {
    this.#summaries.clear();
    this.#threads.clear();
  }
}

function isForVisitor(message: Message): boolean {
  return message.role === "bot" || message.role === "agent";
}

function first(id: string, frame: ServerFrame): ConversationSummary {
  const at = frame.at ?? new Date().toISOString();
  const fresh = { subject: "", at, read: 0, unread: 0 };
  return { id, last_seq: 0, status: "open", control: "bot", epoch: 0, ...fresh };
}

function subjectOf(text: string, files: readonly { name: string }[] | undefined): string {
  const line = text.replace(/\s+/g, " ").trim() || (files?.[0]?.name ?? "");
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
