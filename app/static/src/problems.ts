/** What went wrong, in the reader's language: the server says it in English and with a code. */

import type { Strings } from "./strings.ts";

export function problemText(strings: Strings, code: string, message: string, otherwise: string): string {
  if (strings.language === "en" && message) return message;
  return strings.problems[code] ?? otherwise;
}
