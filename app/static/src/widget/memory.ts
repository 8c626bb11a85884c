/**
 * What the widget remembers on the visitor's device: their session and whether the chat was open.
 *
 * Nothing is written before the first message. Where storage is forbidden the chat still works, it
 * only forgets.
 */

export interface Remembered {
  session: string;
  isOpen: boolean;
}

export function recall(site: string): Remembered | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key(site)) ?? "null");
    return isRemembered(found) ? found : null;
  } catch {
    return null;
  }
}

export function remember(site: string, remembered: Remembered): void {
  try {
    localStorage.setItem(key(site), JSON.stringify(remembered));
  } catch {
    // A full or forbidden storage costs the memory, not the conversation.
  }
}

export function forget(site: string): void {
  try {
    localStorage.removeItem(key(site));
  } catch {
    // As above.
  }
}

function isRemembered(found: unknown): found is Remembered {
  return typeof found === "object" && found !== null && "session" in found && "isOpen" in found;
}

function key(site: string): string {
  return `careline:${site}`;
}
