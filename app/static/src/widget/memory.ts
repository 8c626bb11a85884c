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
    const found = JSON.parse(localStorage.getItem(keyOf(site)) ?? "0") as Partial<Remembered>;
    return found.session ? (found as Remembered) : null;
  } catch {
    return null;
  }
}

export function remember(site: string, remembered: Remembered): void {
  try {
    localStorage.setItem(keyOf(site), JSON.stringify(remembered));
  } catch {
    // A full or forbidden storage costs the memory, not the conversation.
  }
}

export function forget(site: string): void {
  try {
    localStorage.removeItem(keyOf(site));
  } catch {
    // As above.
  }
}

export function keyOf(site: string): string {
  return `careline:${site}`;
}
