/**
 * The state of one conversation as a reader sees it; no DOM, no socket.
 *
 * It holds nothing that a reader who comes later would not see too: events applied to a snapshot
 * give what a fresh snapshot gives.
 * Applying a frame twice changes nothing the second time. The text of a running answer lives in
 * `live` until the stored message replaces it. Offsets count Unicode code points, not UTF-16 units.
 */

import type {
  Actor,
  Control,
  ConversationDetail,
  ConversationSummary,
  Label,
  Message,
  Payloads,
  Person,
  Phase,
  Priority,
  Rating,
  SentFile,
  ServerFrame,
  Status,
} from "./protocol.ts";
import type { Applied, Follower } from "./sequence.ts";

/** A message on its way, shown at once. */
export interface Pending {
  cid: string;
  text: string;
  at: string;
  files?: SentFile[];
  /** For colleagues only. */
  isNote?: boolean;
  /** Why the server refused it, in its words. */
  refusal?: string;
}

/** The answer being written. */
export interface Live {
  gen: string;
  messageId: string;
  text: string;
  /** Length of `text` in code points. */
  length: number;
  phase: Phase | null;
}

/** `key` stays the same from the moment a message is typed. */
export type Item =
  | { key: string; kind: "message"; message: Message; live: Live | null }
  | { key: string; kind: "pending"; pending: Pending };

export class Thread implements Follower {
  id: string | null = null;
  lastSeq = 0;
  status: Status = "open";
  control: Control = "bot";
  epoch = 0;
  assignee: Person | null = null;
  /** Null: not known. */
  isAssigneeHere: boolean | null = null;
  detail: ConversationDetail | null = null;
  live: Live | null = null;
  priority: Priority = "normal";
  labels: readonly Label[] = [];
  isBlocked = false;
  /** While snoozed: when it comes back; null: when the customer writes. */
  until: string | null = null;
  /** Null: the customer has not been asked. */
  rating: Rating | null = null;
  /** Who is typing, by name; empty when the name is not known. */
  typing: string | null = null;
  typingBy: Actor["kind"] | null = null;
  /** How often somebody has been told to be typing. */
  numTypings = 0;

  #messages = new Map<string, Message>();
  #pending = new Map<string, Pending>();

  /** Everything in reading order; what is still on its way comes last. */
  items(): Item[] {
    const messages = [...this.#messages.values()].sort((a, b) => a.s - b.s);
    const placed = messages.map((message): Item => {
      const live = this.live?.messageId === message.id ? this.live : null;
      const key = message.cid ? `cid:${message.cid}` : message.id;
      return { key, kind: "message", message, live };
    });
    const waiting = [...this.#pending.values()].map((pending): Item => {
      return { key: `cid:${pending.cid}`, kind: "pending", pending };
    });
    return [...placed, ...waiting];
  }

  get isEmpty(): boolean {
    return this.#messages.size === 0 && this.#pending.size === 0;
  }

  /** What a list of conversations says of it, before its events are here and after a cut. */
  meet(listed: ConversationSummary): void {
    this.isAssigneeHere = listed.here ?? null;
    if (listed.last_seq < this.lastSeq) return;
    this.status = listed.status;
    this.control = listed.control;
    this.epoch = listed.epoch;
    this.assignee = listed.assignee ?? this.assignee;
  }

  /** Whether a message with this id is still on its way. */
  waits(cid: string | undefined): boolean {
    return cid !== undefined && this.#pending.has(cid);
  }

  /** Show a message before the server has it. */
  addPending(pending: Pending): void {
    this.#pending.set(pending.cid, pending);
  }

  /** The server will not take it; it stays visible with the reason. False: it is not from here. */
  refuse(cid: string, refusal: string): boolean {
    const pending = this.#pending.get(cid);
    if (pending) this.#pending.set(cid, { ...pending, refusal });
    return pending !== undefined;
  }

  /** Take a message that was not sent off the screen. */
  removePending(cid: string): Pending | undefined {
    const pending = this.#pending.get(cid);
    this.#pending.delete(cid);
    return pending;
  }

  /** What has not been sent, taken off the screen. */
  takePending(): Pending[] {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    return waiting;
  }

  clear(): void {
    this.lastSeq = 0;
    this.live = null;
    this.#messages.clear();
  }

  apply(frame: ServerFrame): Applied {
    if (frame.s !== undefined) return this.#applyStored(frame, frame.s);
    switch (frame.t) {
      case "snapshot":
        return this.#load(frame.d);
      case "answer.started":
        return this.#begin(frame.d);
      case "answer.status":
        return this.#setPhase(frame.d);
      case "answer.delta":
        return this.#append(frame.d);
      case "answer.snapshot":
        return this.#replaceLive(frame.d);
      case "answer.ended":
        return this.#end(frame.d);
      case "presence":
        this.isAssigneeHere = frame.d.on;
        return "changed";
      case "typing":
        return this.#setTyping(frame.d);
      default:
        return "same";
    }
  }

  #applyStored(frame: ServerFrame, s: number): Applied {
    if (s <= this.lastSeq) return "same";
    this.lastSeq = s;
    switch (frame.t) {
      case "message.created":
      case "note.created":
        return this.#addMessage(frame.d.message);
      case "message.completed":
      case "message.updated":
        return this.#replaceMessage(frame.d.message);
      case "control.changed":
        return this.#setControl(frame.d.to, frame.d.epoch);
      case "status.changed":
        this.status = frame.d.to;
        this.typing = null;
        this.until = frame.d.until ?? null;
        return "changed";
      case "assignee.changed":
        this.assignee = frame.d.to;
        this.isAssigneeHere = null;
        return "changed";
      case "priority.changed":
        this.priority = frame.d.to;
        return "changed";
      case "labels.changed":
        this.labels = frame.d.labels;
        return "changed";
      case "contact.changed":
        this.isBlocked = frame.d.blocked;
        return "changed";
      case "csat.requested":
      case "csat.answered":
        this.rating = frame.d;
        return "changed";
      default:
        return "same";
    }
  }

  #addMessage(message: Message): Applied {
    if (message.cid) this.#pending.delete(message.cid);
    if (message.role !== "system") this.typing = null;
    this.#messages.set(message.id, message);
    if (message.state === "streaming" && message.gen && this.live?.gen !== message.gen) {
      this.#begin({ gen: message.gen, message_id: message.id });
    }
    return "changed";
  }

  #replaceMessage(message: Message): Applied {
    this.#messages.set(message.id, message);
    if (message.state !== "streaming" && this.live?.messageId === message.id) this.live = null;
    return "changed";
  }

  #setControl(to: Control, epoch: number): Applied {
    this.control = to;
    this.epoch = epoch;
    if (to !== "bot") this.live = null;
    return "changed";
  }

  #load(snapshot: Payloads["snapshot"]): Applied {
    const { conversation, messages, live } = snapshot;
    this.detail = conversation;
    this.id = conversation.id;
    if (conversation.last_seq < this.lastSeq) return "changed";
    this.lastSeq = conversation.last_seq;
    this.status = conversation.status;
    this.control = conversation.control;
    this.epoch = conversation.epoch;
    this.assignee = conversation.assignee ?? null;
    this.priority = conversation.priority;
    this.labels = conversation.labels;
    this.isBlocked = conversation.contact.blocked;
    this.until = conversation.until ?? null;
    this.rating = conversation.rating ?? null;
    this.#messages = new Map(messages.map((message) => [message.id, message]));
    for (const { cid } of messages) if (cid) this.#pending.delete(cid);
    this.live = null;
    if (live) this.#replaceLive(live);
    return "changed";
  }

  #begin(d: Payloads["answer.started"]): Applied {
    if (this.live?.gen === d.gen || this.#isOver(d.message_id)) return "same";
    this.live = { gen: d.gen, messageId: d.message_id, text: "", length: 0, phase: null };
    return "changed";
  }

  #setPhase(d: Payloads["answer.status"]): Applied {
    if (this.live?.gen !== d.gen || this.live.phase === d.phase) return "same";
    this.live = { ...this.live, phase: d.phase };
    return "changed";
  }

  #append(d: Payloads["answer.delta"]): Applied {
    if (this.#isOver(d.message_id) || this.control === "human") return "same";
    if (this.live?.gen !== d.gen) this.#begin(d);
    const live = this.live;
    if (!live) return "same";
    if (d.o > live.length) return "gap";
    const points = Array.from(d.x);
    const known = live.length - d.o;
    if (known >= points.length) return "same";
    const fresh = points.slice(known);
    const text = live.text + fresh.join("");
    this.live = { ...live, text, length: live.length + fresh.length, phase: "writing" };
    return "changed";
  }

  #replaceLive(d: Payloads["answer.snapshot"]): Applied {
    if (this.#isOver(d.message_id)) return "same";
    const phase = d.x ? "writing" : this.live?.gen === d.gen ? this.live.phase : null;
    const length = Array.from(d.x).length;
    this.live = { gen: d.gen, messageId: d.message_id, text: d.x, length, phase };
    return "changed";
  }

  #end(d: Payloads["answer.ended"]): Applied {
    if (this.live?.gen !== d.gen) return "same";
    this.live = null;
    return "changed";
  }

  #setTyping(d: Payloads["typing"]): Applied {
    this.numTypings += 1;
    this.typing = d.on ? (d.by.name ?? "") : null;
    this.typingBy = d.on ? d.by.kind : null;
    return "changed";
  }

  #isOver(messageId: string): boolean {
    const message = this.#messages.get(messageId);
    return message !== undefined && message.state !== "streaming";
  }
}
