/** A file in a thread: its name as text, its size, and the one thing one can do with it, save it. */

import { h, icon } from "./dom.ts";
import { FILE } from "./icons.ts";
import type { SentFile } from "./protocol.ts";
import { sizeText } from "./upload.ts";

/** An address, or what to do when somebody wants it; null: not there yet. */
export type SaveFile = string | (() => Promise<void>) | null;

export function fileCard(file: SentFile, save: SaveFile): HTMLElement {
  const name = h("span", { class: "file-name", dir: "auto" }, file.name);
  const text = h("span", { class: "file-text" }, name, h("small", {}, sizeText(file.size)));
  const content = [icon(...FILE), text] as const;
  if (save === null) return h("span", { class: "file" }, ...content);
  if (typeof save === "string") return h("a", { class: "file", href: save, download: file.name }, ...content);
  const button = h("button", { type: "button", class: "file" }, ...content);
  button.addEventListener("click", () => {
    button.disabled = true;
    void save().finally(() => (button.disabled = false));
  });
  return button;
}

const SAVING_MS = 60_000;

/** Hand a file to the browser to be saved; it is never opened in the page. */
export function saveAs(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = h("a", { href: url, download: name });
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), SAVING_MS); // the browser may still be reading
}
