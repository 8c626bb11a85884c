/** What the agents' page says by itself; the rest stands in the templates. */

import { en } from "../strings.ts";
import type { Thread } from "../thread.ts";

export const agentStrings = {
  ...en,
  assistant: "Assistant",
  interrupted: "Stopped before it was finished",
  nobody: "Nobody",
  closed: "This conversation is resolved. It opens again when the customer writes.",
  readOnly: "Your role can read conversations but not reply.",
  badge(thread: Thread): string {
    if (thread.status === "resolved" || thread.status === "archived") return "Resolved";
    if (thread.control === "bot") return "Bot";
    return thread.control === "queue" ? "Waiting for a person" : (thread.assignee?.name ?? "Person");
  },
  replyPlaceholder(thread: Thread, isMine: boolean): string {
    if (isMine) return "Write a reply…";
    if (thread.control === "human") return `${thread.assignee?.name ?? "Somebody"} is on it…`;
    return "Write a reply to take over…";
  },
};
