/** A visitor's conversations: what the server listed, kept up to date by what is heard since. */

import type { ConversationSummary, ServerFrame } from "../protocol.ts";
import type { Thread } from "../thread.ts";

export class Conversations {
  private readonly summaries = new Map<string, ConversationSummary>();
  private readonly threads = new Map<string, Thread>();

  /** The server's list; it knows better than we do. */
  take(listed: readonly ConversationSummary[]): void {
    for (const one of listed) {
      const read = Math.max(one.read ?? 0, this.readOf(one.id));
      this.summaries.set(one.id, { ...one, read });
    }
  }

  /** Newest activity first. */
  all(): ConversationSummary[] {
    return [...this.summaries.values()].sort((a, b) => b.at.localeCompare(a.at));
  }

  find(id: string): ConversationSummary | undefined {
    return this.summaries.get(id);
  }

  /** The thread, if it has been opened before. */
  thread(id: string): Thread | undefined {
    return this.threads.get(id);
  }

  /** A thread that is being followed. */
  keep(id: string, thread: Thread): void {
    this.threads.set(id, thread);
    if (this.summaries.has(id)) return;
    const { status, control, epoch, lastSeq } = thread;
    const at = new Date().toISOString();
    this.summaries.set(id, { id, last_seq: lastSeq, status, control, epoch, subject: "", at, read: 0 });
  }

  /** Something has happened in a conversation, open or not. */
  note(frame: ServerFrame): void {
    if (frame.c === undefined || frame.s === undefined) return;
    const known = this.summaries.get(frame.c) ?? first(frame.c, frame);
    const change: Partial<ConversationSummary> = { last_seq: Math.max(known.last_seq, frame.s) };
    if (frame.t === "status.changed") change.status = frame.d.to;
    if (frame.t === "message.created") {
      change.at = frame.d.message.at;
      if (known.subject === "") change.subject = subjectOf(frame.d.message.text, frame.d.message.files);
    }
    this.summaries.set(frame.c, { ...known, ...change });
  }

  /** What the thread on the screen says is what the list says. */
  update(thread: Thread): void {
    const known = thread.id === null ? undefined : this.summaries.get(thread.id);
    if (!known) return;
    const messages = thread.items().flatMap((item) => (item.kind === "message" ? [item.message] : []));
    const subject = known.subject || subjectOf(messages[0]?.text ?? "", messages[0]?.files);
    const at = messages.at(-1)?.at ?? known.at;
    const last_seq = Math.max(known.last_seq, thread.lastSeq);
    this.summaries.set(known.id, { ...known, status: thread.status, subject, last_seq, at });
  }

  readOf(id: string | null): number {
    return (id === null ? undefined : this.summaries.get(id)?.read) ?? 0;
  }

  setRead(id: string, seq: number): void {
    const known = this.summaries.get(id);
    if (known) this.summaries.set(id, { ...known, read: Math.max(seq, known.read) });
  }

  /** How many besides `current` hold something unread. */
  unreadBeside(current: string | null): number {
    return this.all().filter((one) => one.id !== current && one.last_seq > one.read).length;
  }

  /** Another person is here now. */
  clear(): void {
    this.summaries.clear();
    this.threads.clear();
  }
}

function first(id: string, frame: ServerFrame): ConversationSummary {
  const at = frame.at ?? new Date().toISOString();
  return { id, last_seq: 0, status: "open", control: "bot", epoch: 0, subject: "", at, read: 0 };
}

function subjectOf(text: string, files: readonly { name: string }[] | undefined): string {
  const line = text.replace(/\s+/g, " ").trim() || (files?.[0]?.name ?? "");
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
