/**
 * What a page may say: `$care("open")`, `$care("identify", { token })`, `$care("on", "unread", fn)`.
 *
 * Nothing here throws into the page: what does not fit is told in the console, in one line that
 * says what would.
 */

export type CareEvent =
  | "ready"
  | "open"
  | "close"
  | "unread"
  | "message"
  | "handoff"
  | "resolved"
  | "csat"
  | "error";
export const EVENTS = "ready, open, close, unread, message, handoff, resolved, csat, error";

/** The arguments of each command, as they are told and as they are checked. */
export const COMMANDS: Record<string, string | null> = {
  __proto__: null, // no command is called toString
  open: "",
  close: "",
  toggle: "",
  show: "",
  hide: "",
  destroy: "",
  logout: "",
  identify: "{ token }",
  attributes: "{ … }",
  locale: "text",
  theme: "{ … } or text",
  send: "text",
  on: "event, function",
  off: "event, function",
};

function isA(kind: string, value: unknown): boolean {
  if (kind === "text") return typeof value === "string" && value.trim() !== "";
  if (kind === "event") return EVENTS.split(", ").includes(value as string);
  if (kind === "{ token }") return isA("{ … }", value) && isA("text", (value as { token: unknown }).token);
  if (kind === "{ … }") return typeof value === "object" && value !== null && !Array.isArray(value);
  return kind === "function" ? typeof value === kind : kind.split(" or ").some((one) => isA(one, value));
}

/** What is wrong with a call; null when nothing is. */
export function complaint(command: unknown, args: unknown[]): string | null {
  const name = String(command);
  const usage = COMMANDS[name] ?? null;
  if (usage === null) return `no command ${name}; there are ${Object.keys(COMMANDS).join(", ")}`;
  const kinds = usage ? usage.split(", ") : [];
  if (args.length === kinds.length && kinds.every((kind, i) => isA(kind, args[i]))) return null;
  const events = usage.startsWith("event") ? `; events are ${EVENTS}` : "";
  return `${name} takes ${usage || "nothing"}${events}`;
}

export function warn(text: string): void {
  console.warn(`careline: ${text}`);
}
