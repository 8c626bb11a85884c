/** The line under the head: what stands in the way of talking, or for a while what just failed. */

import { h } from "../dom.ts";

const NOTICE_MS = 8_000;

export class Banner {
  readonly element = h("p", { class: "banner", hidden: true });
  private standing = "";
  private notice = "";
  private timer = 0;

  /** Empty: nothing stands in the way. */
  stand(text: string): void {
    this.standing = text;
    this.draw();
  }

  tell(notice: string): void {
    this.notice = notice;
    this.draw();
    window.clearTimeout(this.timer);
    if (notice) this.timer = window.setTimeout(() => this.tell(""), NOTICE_MS);
  }

  get text(): string {
    return this.standing || this.notice;
  }

  private draw(): void {
    this.element.hidden = this.text === "";
    if (this.element.textContent !== this.text) this.element.textContent = this.text;
  }
}
