/**
 * Files that will go with the next message: chosen, dropped or pasted, uploaded at once, each with
 * its progress and a way to take it back. For the widget and the agents' page alike.
 */

import { h, icon } from "./dom.ts";
import { ATTACH, CLOSE, FILE } from "./icons.ts";
import type { FileLimits, SentFile } from "./protocol.ts";
import type { Strings } from "./strings.ts";
import type { Previews } from "./previews.ts";
import { problemText } from "./problems.ts";
import { sizeText, upload } from "./upload.ts";
import type { Upload, UploadError, UploadTarget } from "./upload.ts";

interface Entry {
  element: HTMLLIElement;
  upload: Upload | null;
  sent: SentFile | null;
}

export class Tray {
  readonly element = h("ul", { class: "tray", hidden: true });
  readonly button: HTMLButtonElement;
  readonly #input = h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1" });
  readonly #entries = new Set<Entry>();
  #limits: FileLimits | null = null;

  constructor(
    private strings: Strings,
    private readonly target: () => UploadTarget | null,
    private changed: () => void,
    private readonly previews?: Previews,
  ) {
    this.button = h("button", { type: "button", class: "attach", hidden: true });
    this.speak(strings, changed);
    this.button.append(icon(...ATTACH));
    this.button.addEventListener("click", () => this.#input.click());
    this.button.append(this.#input);
    this.#input.addEventListener("click", (event) => event.stopPropagation());
    this.#input.addEventListener("change", () => {
      this.#add(this.#input.files ?? []);
      this.#input.value = "";
    });
  }

  /** It goes on in another language, around another field; what it holds stays. */
  speak(strings: Strings, changed: () => void): void {
    this.strings = strings;
    this.changed = changed;
    this.button.title = strings.files.attach;
    this.button.setAttribute("aria-label", strings.files.attach);
  }

  /** The server's; without them there is no attaching. */
  setLimits(limits: FileLimits | undefined): void {
    this.#limits = limits ?? null;
    this.button.hidden = this.#limits === null;
    if (limits) this.#input.accept = limits.endings.map((ending) => `.${ending}`).join(",");
  }

  /** Take what is dropped on `zone` or pasted into it. */
  listen(zone: HTMLElement): void {
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    zone.addEventListener("dragover", (event) => {
      if (!holdsFiles(event) || this.#limits === null) return;
      event.preventDefault();
      zone.toggleAttribute("data-dropping", true);
    });
    for (const end of ["dragleave", "drop"])
      zone.addEventListener(end, () => zone.removeAttribute("data-dropping"));
    zone.addEventListener("drop", (event) => {
      if (!holdsFiles(event) || this.#limits === null) return;
      event.preventDefault();
      this.#add(event.dataTransfer?.files ?? []);
    });
    zone.addEventListener("paste", (event) => {
      const { files: pasted, types = [] } = event.clipboardData ?? {};
      // An office program puts a picture of the text beside the text.
      const isText = types.includes("text/html") && types.includes("text/plain");
      if (!pasted?.length || isText || this.#limits === null) return;
      event.preventDefault();
      this.#add(pasted);
    });
  }

  get isEmpty(): boolean {
    return ![...this.#entries].some((entry) => entry.sent !== null);
  }

  /** Something is still on its way, so the message has to wait. */
  get isBusy(): boolean {
    return [...this.#entries].some((entry) => entry.upload !== null);
  }

  /** What goes with the message; the tray is empty afterwards. */
  take(): SentFile[] {
    const sent = [...this.#entries].flatMap((entry) => entry.sent ?? []);
    for (const entry of this.#entries) entry.element.remove();
    this.#entries.clear();
    this.#update();
    return sent;
  }

  /** Another person is here now. */
  clear(): void {
    for (const entry of this.#entries) entry.upload?.abort();
    this.take();
  }

  #add(files: Iterable<File>): void {
    for (const file of files) this.#addOne(file);
    this.#update();
  }

  #addOne(file: File): void {
    const limits = this.#limits;
    const target = this.target();
    if (limits === null) return;
    const entry: Entry = { element: h("li", { class: "tray-file" }), upload: null, sent: null };
    const remove = h("button", { type: "button", "aria-label": this.strings.files.remove(file.name) });
    remove.append(icon(...CLOSE));
    remove.addEventListener("click", () => this.#remove(entry));
    const name = h("span", { class: "file-name", dir: "auto" }, file.name);
    const note = h("small", {}, sizeText(file.size, this.strings.language));
    const bar = h("progress", { max: "1", value: "0", "aria-label": this.strings.files.uploading(file.name) });
    const problem = this.#problem(file, limits, target !== null);
    const picture = problem === null ? this.previews?.local(file) : null;
    const text = h("span", { class: "file-text" }, name, note);
    entry.element.append(picture ?? icon(...FILE), text, bar, remove);
    this.#entries.add(entry);
    this.element.append(entry.element);
    if (problem !== null || target === null) return this.#fail(entry, note, bar, problem ?? "");
    entry.upload = upload(target, file, (share) => (bar.value = share));
    entry.upload.done
      .then((sent) => {
        entry.sent = sent;
        this.previews?.keep(sent.id, file);
        bar.remove();
      })
      .catch((error: UploadError) => this.#fail(entry, note, bar, this.#told(error)))
      .finally(() => {
        entry.upload = null;
        this.#update();
      });
  }

  #problem(file: File, limits: FileLimits, canSend: boolean): string | null {
    const { files } = this.strings;
    const ending = file.name.split(".").at(-1)?.toLowerCase() ?? "";
    const count = [...this.#entries].filter((entry) => entry.sent ?? entry.upload).length;
    if (!canSend) return files.failed;
    if (count >= limits.count) return files.tooMany(limits.count);
    if (!limits.endings.includes(ending)) return files.kinds(limits.endings.join(", "));
    return file.size > limits.bytes ? files.tooLarge(sizeText(limits.bytes, this.strings.language)) : null;
  }

  #told({ code, message }: UploadError): string {
    const { failed, mismatch } = this.strings.files;
    return problemText(this.strings, code, message, code === "invalid" ? mismatch : failed);
  }

  #fail(entry: Entry, note: HTMLElement, bar: HTMLElement, problem: string): void {
    bar.remove();
    note.setAttribute("role", "alert");
    note.textContent = problem;
    entry.element.dataset["state"] = "refused";
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
    entry.upload?.abort();
    entry.element.remove();
    this.#update();
    this.button.focus();
  }

  #update(): void {
    this.element.hidden = this.#entries.size === 0;
    this.element.scrollTop = this.element.scrollHeight;
    this.changed();
  }
}
