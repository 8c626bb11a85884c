/** The frames of `care.v1` as types; docs/protocol.md is the text, app/live/protocol.py the other side. */

export type Role = "customer" | "bot" | "agent" | "system";
export type MessageState = "streaming" | "complete" | "interrupted" | "failed" | "retracted";
export type Control = "bot" | "queue" | "human";
export type Status = "open" | "snoozed" | "resolved" | "archived";
export type Phase = "searching" | "reading" | "writing";
export type Chip = "helped" | "not_helped" | "human";
export type Outcome = "completed" | "interrupted" | "retracted" | "failed";
export type EndReason = "done" | "stopped" | "takeover" | "superseded" | "error" | "handoff";

export interface Citation {
  marker: number;
  article_id: string;
  version: number;
  title: string;
  paragraph: number;
  quote: string;
  url: string;
}

export interface Person {
  id: string;
  name: string;
}

export interface Actor {
  kind: "customer" | "bot" | "agent" | "system";
  name?: string;
}

/** A file that came with a message; `size` in bytes. */
export interface SentFile {
  id: string;
  name: string;
  type: string;
  size: number;
}

export interface Message {
  id: string;
  s: number;
  role: Role;
  kind: "text" | "note" | "event";
  state: MessageState;
  text: string;
  author?: Person;
  cid?: string;
  gen?: string;
  visibility?: "internal";
  citations: Citation[];
  chips: Chip[];
  files?: SentFile[];
  /** The button under a bot's answer that was pressed. */
  feedback?: "helped" | "not_helped";
  at: string;
}

/** What the customer thinks of a conversation; without a score they were asked only. */
export interface Rating {
  score?: number;
  comment?: string;
  /** Who had the last word. */
  about?: "bot" | "human";
}

export interface ConversationSummary {
  id: string;
  last_seq: number;
  status: Status;
  control: Control;
  epoch: number;
  subject: string;
  /** Of the newest message. */
  at: string;
  /** How far this visitor has read. */
  read: number;
  /** How many messages of the bot and of people come after that. */
  unread: number;
  assignee?: Person;
  /** Whether the assignee is there. */
  here?: boolean;
}

/** Whether a person is there; `opens_at` outside the office hours. */
export interface Team {
  available: boolean;
  opens_at?: string;
}

export type Priority = "low" | "normal" | "high" | "urgent";

/** `colour` is a name of the palette. */
export interface Label {
  name: string;
  colour: string;
}

export interface ConversationDetail {
  id: string;
  last_seq: number;
  status: Status;
  control: Control;
  epoch: number;
  number: number;
  contact: { name: string; blocked: boolean };
  assignee?: Person;
  subject: string;
  priority: Priority;
  labels: readonly Label[];
  /** While snoozed: when it comes back; absent: when the customer writes. */
  until?: string;
  /** There from the moment the customer was asked. */
  rating?: Rating;
}

/** How much of everything; `bytes` of one file, `count` of files in one message. */
export interface FileLimits {
  bytes: number;
  count: number;
  endings: readonly string[];
}

export interface Limits {
  text: number;
  frame: number;
  files?: FileLimits;
}

type Asks = "off" | "optional" | "required";

/** What a site asks before the chat; `privacy_url` is empty where nothing is to be agreed to. */
export interface Prechat {
  name: Asks;
  email: Asks;
  privacy_url: string;
}

export interface Details {
  t: "details";
  cid: string;
  name: string;
  email: string;
  consent: boolean;
}

export interface Welcome {
  conn: string;
  role: "widget" | "agent";
  session?: string;
  server_time: string;
  hb: number;
  limits: Limits;
  /** No `disclosure`: the widget's own, in its language. */
  bot: { name: string; disclosure?: string };
  /** How often and how much of what is being typed the server wants to hear; absent: nothing. */
  drafts?: { every_s: number; chars: number };
  conversations?: ConversationSummary[];
  team?: Team;
  /** Whether this agent has said that they are away. */
  away?: boolean;
  /** What a stranger is asked before their first message. */
  prechat?: Prechat;
  /** Who the page's token says is speaking, or what is wrong with it. */
  identity?: { id?: string; name?: string | null; code?: string; message?: string };
  agent?: Person & { role: string };
}

/** What each server frame carries in `d`. */
export interface Payloads {
  "message.created": { message: Message };
  "message.completed": { message: Message };
  "message.updated": { message: Message };
  "note.created": { message: Message };
  "control.changed": { from: Control; to: Control; by: Actor; reason: string; epoch: number };
  "status.changed": { from: Status; to: Status; by: Actor; resolution?: string; until?: string };
  "assignee.changed": { to: Person | null };
  "priority.changed": { from: Priority; to: Priority; by: Actor };
  "labels.changed": { labels: readonly Label[]; by: Actor };
  "contact.changed": { blocked: boolean; by: Actor };
  "csat.requested": Rating;
  "csat.answered": Rating;
  /** The place of an event that is not for this reader. */
  skipped: Record<string, never>;
  welcome: Welcome;
  synced: { last_seq: number };
  reset: Record<string, never>;
  snapshot: {
    conversation: ConversationDetail;
    messages: Message[];
    live?: { gen: string; message_id: string; x: string };
  };
  ack: { cid?: string; message_id?: string; c?: string; s?: number };
  nack: {
    cid?: string;
    code: string;
    message: string;
    retry_after?: number;
    /** By field, what does not fit. */
    fields?: Record<string, string>;
  };
  "answer.started": { gen: string; message_id: string };
  "answer.status": { gen: string; phase: Phase };
  "answer.delta": { gen: string; message_id: string; o: number; x: string };
  "answer.snapshot": { gen: string; message_id: string; x: string };
  "answer.ended": { gen: string; message_id: string; outcome: Outcome; reason: EndReason };
  /** To the agent who asked; `o` counts code points. */
  "suggestion.delta": { o: number; x: string };
  /** Without text no article says anything. */
  "suggestion.ready": { text: string; sources: Citation[] };
  typing: { by: Actor; on: boolean };
  team: Team;
  presence: { agent: string; on: boolean };
  "list.dirty": Record<string, never>;
  notice: { code: string; message: string };
  draining: Record<string, never>;
  pong: { n: number };
}

export type FrameName = keyof Payloads;

/** `c` when the frame is about a conversation; `s`, `id` and `at` only when it is stored. */
export type ServerFrame = {
  [T in FrameName]: { t: T; c?: string; s?: number; id?: string; at?: string; d: Payloads[T] };
}[FrameName];

export interface MessageSend {
  t: "message.send";
  cid: string;
  c?: string;
  text: string;
  /** The button under an answer that was pressed for it. */
  chip?: Chip;
  /** Ids of files uploaded before; with them the text may be empty. */
  files?: string[];
  /** Without `c`: a new conversation, also where one is open. */
  begin?: boolean;
}

export interface CsatSubmit {
  t: "csat.submit";
  cid: string;
  c: string;
  score: number;
  comment?: string;
}

export interface Hello {
  t: "hello";
  proto: 1;
  role: "widget" | "agent";
  site?: string;
  session?: string;
  jwt?: string;
  csrf?: string;
  locale?: string;
  page?: string;
  resume?: Record<string, number>;
}

export type ClientFrame =
  | Hello
  | MessageSend
  | CsatSubmit
  | { t: "answer.stop"; c: string; gen?: string }
  | { t: "handoff.request"; c: string; reason?: string }
  | { t: "typing"; c: string; on: boolean }
  | { t: "draft"; c?: string; text: string }
  | { t: "read"; c: string; s: number }
  | { t: "attributes"; cid: string; values: Record<string, string | number | boolean | null> }
  | { t: "logout" }
  | Details
  | { t: "sync"; c: string; after: number }
  | { t: "watch" | "unwatch" | "resolve" | "reopen" | "wake"; c: string }
  | { t: "takeover"; c: string; epoch: number; mode?: "stop" | "after_answer" }
  | { t: "release"; c: string; epoch: number; answer_last?: boolean }
  | { t: "assign"; c: string; to?: string }
  | { t: "snooze"; c: string; until?: string }
  | { t: "block"; c: string; on: boolean }
  | { t: "label"; c: string; name: string; on: boolean; colour?: string }
  | { t: "priority"; c: string; to: Priority }
  | { t: "note"; c: string; cid: string; text: string }
  | { t: "suggest"; c: string }
  | { t: "draft.keep"; c: string; kind: "reply" | "note"; text: string }
  | { t: "presence"; state: "online" | "away" }
  | { t: "ping"; n: number };

export const SUBPROTOCOL = "care.v1";

/** Close codes after which another try with the same hello cannot help. */
export const FINAL_CLOSE_CODES: ReadonlySet<number> = new Set([4400, 4401, 4403]);
