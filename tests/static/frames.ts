/** Frames as a server sends them, with one thing changed. */

import type { Control, Message, ServerFrame } from "../../app/static/src/protocol.ts";

const AT = "2026-11-21T08:00:00.000Z";
export const C = "c1";

export function message(changed: Partial<Message> = {}): Message {
  const base = { id: "m1", s: 1, role: "customer", kind: "text", state: "complete" } as const;
  return { ...base, text: "Hello", citations: [], chips: [], at: AT, ...changed };
}

/** The empty message of an answer that begins. */
export function botMessage(changed: Partial<Message> = {}): Message {
  return message({ id: "b1", role: "bot", state: "streaming", text: "", gen: "g1", ...changed });
}

export function created(s: number, changed: Partial<Message> = {}): ServerFrame {
  const made = changed.role === "bot" ? botMessage({ s, ...changed }) : message({ s, id: `m${s}`, ...changed });
  return { t: "message.created", c: C, s, at: AT, d: { message: made } };
}

export function completed(s: number, text: string, changed: Partial<Message> = {}): ServerFrame {
  const made = botMessage({ s: 1, state: "complete", text, ...changed });
  return { t: "message.completed", c: C, s, at: AT, d: { message: made } };
}

export function updated(s: number, changed: Partial<Message>): ServerFrame {
  return { t: "message.updated", c: C, s, at: AT, d: { message: botMessage({ s: 1, ...changed }) } };
}

export function control(s: number, to: Control, epoch = 1): ServerFrame {
  const by = { kind: "agent", name: "Ana" } as const;
  return { t: "control.changed", c: C, s, at: AT, d: { from: "bot", to, by, reason: "x", epoch } };
}

export function delta(o: number, x: string): ServerFrame {
  return { t: "answer.delta", c: C, d: { gen: "g1", message_id: "b1", o, x } };
}

export function liveSnapshot(x: string): ServerFrame {
  return { t: "answer.snapshot", c: C, d: { gen: "g1", message_id: "b1", x } };
}

export function synced(last_seq: number): ServerFrame {
  return { t: "synced", c: C, d: { last_seq } };
}
