/** Keeps a thread at its end while the reader is there, and leaves them alone while they are not. */

const NEAR_END_PX = 48;

export class StickyScroll {
  #isAtEnd = true;

  constructor(
    private readonly box: HTMLElement,
    private readonly away: (isAway: boolean) => void,
  ) {
    box.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.follow()).observe(box);
  }

  get isAway(): boolean {
    return !this.#isAtEnd;
  }

  /** Call after the content changed. */
  follow(): void {
    if (this.#isAtEnd) this.box.scrollTop = this.box.scrollHeight;
    this.away(!this.#isAtEnd);
  }

  toEnd(): void {
    this.#isAtEnd = true;
    this.follow();
  }

  #look(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.box;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    this.away(!this.#isAtEnd);
  }
}
