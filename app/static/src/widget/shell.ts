/** What the small loader hands to the application it fetches on the first opening. */

import type { CareEvent } from "./commands.ts";

/** What the script tag says. */
export interface Tag {
  /** The site's public token. */
  site: string;
  /** Where the script came from; everything else comes from there too. */
  origin: string;
  company: string | undefined;
  questions: string[] | undefined;
  locale: string | undefined;
}

/** How a site's widget looks, as its people have decided in the office. */
export interface Site {
  company: string;
  accent: string;
  accent_dark: string;
  side: "left" | "right";
  scheme: "auto" | "light" | "dark";
  locale: string;
  launcher: string;
  title: string;
  greeting: string;
  questions: string[];
}

/** What the page has said before the application was here; later words win. */
export interface Held {
  identify?: { token: string };
  attributes?: Record<string, unknown>;
}

export interface Shell {
  host: HTMLElement;
  tag: Tag;
  site: Site | null;
  held: Held;
  language: string;
  root: ShadowRoot;
  launcher: HTMLButtonElement;
  /** Show how many messages wait unread, `label` being the launcher's name; 0 takes the badge away. */
  setUnread(count: number, label: string): void;
  emit(event: CareEvent, detail: unknown): void;
}

export interface WidgetApp {
  /** `isRestored`: as the visitor left it, on another page; it takes no focus then. */
  open(isRestored?: boolean): void;
  close(): void;
  readonly isOpen: boolean;
  send(text: string): void;
  identify(who: { token: string }): void;
  attributes(values: Record<string, unknown>): void;
  logout(): void;
  speak(language: string): Promise<void>;
  /** The chat ends; nothing more is heard of it. */
  destroy(): void;
}

export interface AppModule {
  mount(shell: Shell): Promise<WidgetApp>;
}
