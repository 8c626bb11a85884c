/** What the bot had written when it was stopped: a beginning for the agent's reply. */

import type { Item } from "../thread.ts";

/** As much of it as was kept in the thread; empty once one of us has written since. */
export function halfAnswer(items: readonly Item[]): string {
  const ours = items.findLast(
    (item) => item.kind === "pending" || (item.message.kind === "text" && item.message.role !== "customer"),
  );
  if (ours?.kind !== "message" || ours.message.role !== "bot") return "";
  return ours.message.state === "interrupted" ? ours.message.text : "";
}
