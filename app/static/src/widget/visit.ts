/**
 * The visitor's session: kept on the device once they have said something, and then the same in all
 * tabs of the site.
 */

import { forget, keyOf, recall, remember } from "./memory.ts";

export class Visit {
  /** What the server knows this visitor by; null: not yet. */
  session: string | null;
  /** Whether it is the one on the device. */
  private isKept: boolean;

  constructor(private readonly site: string) {
    this.session = recall(site)?.session ?? null;
    this.isKept = this.session !== null;
  }

  /** Remember it if it was used, and from then on whether the chat is open. */
  keep(isOpen: boolean, hasSpoken: boolean): void {
    const { session } = this;
    if (session === null || !(hasSpoken || recall(this.site)?.session === session)) return;
    this.isKept = true;
    remember(this.site, { session, isOpen });
  }

  /** The server has given another one. True: somebody else was here before. */
  renew(session: string): boolean {
    const before = this.session;
    const kept = recall(this.site);
    this.session = session;
    if (kept && kept.session === before) remember(this.site, { ...kept, session });
    return before !== null;
  }

  /** The server does not know it any more; another tab may have the next one already. */
  lose(): void {
    const kept = recall(this.site)?.session ?? null;
    if (kept === this.session) return this.end();
    this.session = kept;
  }

  /** Nothing of it stays here. */
  end(): void {
    forget(this.site);
    this.session = null;
    this.isKept = false;
  }

  /** Call `join` when a visitor whom nothing binds yet has begun to speak in another tab. */
  share(isBound: () => boolean, join: () => void, ended: AbortSignal): void {
    const look = ({ key }: StorageEvent) => {
      const session = key === keyOf(this.site) && recall(this.site)?.session;
      if (!session || this.isKept || isBound()) return;
      this.session = session;
      this.isKept = true;
      join();
    };
    window.addEventListener("storage", look, { signal: ended });
  }
}
