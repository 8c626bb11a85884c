/** A file in a thread: its name as text, its size, a picture small, and a way to save it. */

import { h, icon } from "./dom.ts";
import { FILE } from "./icons.ts";
import type { Previews } from "./previews.ts";
import type { SentFile } from "./protocol.ts";
import { sizeText } from "./upload.ts";

/** An address, or what to do when somebody wants it; null: not there yet. */
export type SaveFile = string | (() => Promise<void>) | null;

export interface CardOptions {
  /** Of the size. */
  language: string | undefined;
  /** Absent: pictures are files like any other. */
  previews?: Previews | undefined;
}

export function fileCard(file: SentFile, save: SaveFile, options: CardOptions): HTMLElement {
  const size = h("small", {}, sizeText(file.size, options.language));
  const text = h("span", { class: "file-text" }, h("span", { class: "file-name", dir: "auto" }, file.name), size);
  const picture = options.previews?.show(file);
  const content = [picture ?? icon(...FILE), text] as const;
  const kind = picture ? "file picture" : "file";
  if (save === null) return h("span", { class: kind }, ...content);
  if (typeof save === "string") return h("a", { class: kind, href: save, download: file.name }, ...content);
  const button = h("button", { type: "button", class: kind }, ...content);
  let isSaving = false;
  button.addEventListener("click", () => {
    if (isSaving) return;
    isSaving = true; // a disabled button would lose the focus
    void save().finally(() => (isSaving = false));
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
