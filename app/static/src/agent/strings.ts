/** What the agents' page says by itself; the rest stands in the templates. */

import { en } from "../strings.ts";
import type { Thread } from "../thread.ts";

export const agentStrings = {
  ...en,
  assistant: "Assistant",
  interrupted: "Stopped before it was finished",
  nobody: "Nobody",
  closed: "This conversation is resolved. It opens again when the customer writes.",
  archived: "This conversation is archived and can only be read.",
  blocked: "This contact is blocked and cannot write.",
  readOnly: "Your role can read conversations but not reply.",
  customerTyping: (name: string) => `${name} is typing…`,
  colleagueTyping: (name: string) => `${name || "A colleague"} is typing a reply here too.`,
  pending: (name: string) => `${name} takes over after this answer.`,
  snoozedUntil: (moment: string) => `Snoozed until ${moment}.`,
  snoozed: "Snoozed until the customer writes.",
  momentToCome: "Choose a moment that is still to come.",
  block: "Block this contact",
  unblock: "Let this contact write again",
  feedback: { helped: "The customer: this helped", not_helped: "The customer: not what I need" },
  rated: (score: number, about: string) => `Rated ${score} of 5, ${about === "bot" ? "the bot" : "a person"} had the last word`,
  here: "Here",
  away: "Away",
  nothingToSuggest: "No article says anything about this.",
  notRated: "The customer was asked for a rating and has not answered.",
  notePlaceholder: "For colleagues only. @name tells one.",
  badge(thread: Thread): string {
    if (thread.status === "snoozed") return "Snoozed";
    if (thread.status === "archived") return "Archived";
    if (thread.status === "resolved") return "Resolved";
    if (thread.control === "bot") return "Bot";
    return thread.control === "queue" ? "Waiting for a person" : (thread.assignee?.name ?? "Person");
  },
  replyPlaceholder(thread: Thread, isMine: boolean): string {
    if (isMine) return "Write a reply…";
    if (thread.control === "human") return `${thread.assignee?.name ?? "Somebody"} is on it…`;
    return "Write a reply to take over…";
  },
};
