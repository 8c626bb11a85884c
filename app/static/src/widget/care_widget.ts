/**
 * `<care-widget>`: the launcher, and the chat once it is wanted.
 *
 * Private names are `#names` here: the loader is measured in bytes, and those are made short.
 */

import { h, icon } from "../dom.ts";
import { CHAT, DOWN } from "../icons.ts";
import { warn } from "./commands.ts";
import { Events } from "./events.ts";
import { chooseLanguage, launcherName } from "./language.ts";
import css from "./launcher.css";
import { Look } from "./look.ts";
import type { Theme } from "./look.ts";
import { recall } from "./memory.ts";
import type { AppModule, Held, Site, Tag, WidgetApp } from "./shell.ts";

/** The path of the application, put in by the build. */
declare const WIDGET_APP_PATH: string;

type Commands = Record<string, (...args: never[]) => unknown>;

export class CareWidget extends HTMLElement {
  readonly events = new Events();

  #app: Promise<WidgetApp> | null = null;
  #tag!: Tag;
  #site: Site | null = null;
  #wish: string | undefined;
  #tries = 0;
  #held: Held = {};
  #hasAppeared!: () => void;
  readonly #appeared = new Promise<void>((resolve) => (this.#hasAppeared = resolve));
  readonly #words = h("span", { class: "words", hidden: true, dir: "auto" });
  readonly #badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true });
  readonly #launcher = h("button", {
    type: "button",
    class: "launcher",
    part: "launcher",
    "aria-haspopup": "dialog",
    "aria-expanded": "false",
  });
  readonly #root = this.attachShadow({ mode: "open" });
  readonly #look = new Look(this);

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.#root.adoptedStyleSheets = [sheet, this.#look.sheet];
    this.#launcher.append(icon(...CHAT), icon(...DOWN), this.#words, this.#badge);
    this.#launcher.addEventListener("click", () => void this.commands["toggle"]?.());
  }

  settle(tag: Tag): void {
    this.#tag = tag;
  }

  /** Show the launcher as the site wants it, or the chat itself where it stands in the page. */
  appear(site: Site): void {
    this.#site = site;
    this.#look.adopt(site);
    this.#words.textContent = site.launcher;
    this.#words.hidden = !site.launcher;
    this.#name(0, launcherName(this.#language()));
    this.#root.prepend(this.#launcher);
    this.#hasAppeared();
    this.events.emit("ready", {});
    const known = recall(this.#tag.site);
    const isInline = this.hasAttribute("inline");
    if (!known && !isInline) return;
    // On a phone it would cover the page that was just asked for.
    const wasOpen = isInline || (known?.isOpen && innerWidth > 600);
    void this.load().then((app) => wasOpen && app.open(true));
  }

  async open(): Promise<void> {
    (await this.load()).open();
  }

  /** The chat, fetched when it is asked for first; never where the page may not embed it. */
  load(): Promise<WidgetApp> {
    this.#app ??= this.#appeared.then(() => this.#fetchApp());
    return this.#app;
  }

  /** What `$care` does, once its arguments have been checked. */
  readonly commands: Commands = {
    on: this.events.on.bind(this.events),
    off: this.events.off.bind(this.events),
    open: () => this.open(),
    close: () => this.#app?.then((app) => app.close()),
    toggle: () => this.load().then((app) => (app.isOpen ? app.close() : app.open())),
    show: () => this.toggleAttribute("quiet", false),
    hide: () => {
      this.toggleAttribute("quiet", true);
      this.commands["close"]?.();
    },
    send: (text: string) => this.load().then((app) => (app.open(), app.send(text))),
    // Both are kept until the chat is there; nobody is connected for them.
    identify: (who: { token: string }) => {
      this.#held.identify = who;
      void this.#app?.then((app) => app.identify(who));
    },
    attributes: (values: Record<string, unknown>) => {
      this.#held.attributes = { ...this.#held.attributes, ...values };
      void this.#app?.then((app) => app.attributes(values));
    },
    logout: () => {
      this.#held = {};
      if (this.#app || recall(this.#tag.site)) void this.load().then((app) => app.logout());
    },
    locale: (wish: string) => {
      this.#wish = wish;
      const language = this.#language();
      if (!wish.toLowerCase().startsWith(language)) warn(`no language ${wish}`);
      if (this.#app) void this.#app.then((app) => app.speak(language));
      else this.#name(0, launcherName(language));
    },
    theme: (theme: Theme | string) => {
      const refused = this.#look.change(typeof theme === "string" ? { scheme: theme } : theme);
      if (refused.length > 0) warn(`no such theme: ${refused.join(", ")}`);
    },
    destroy: () => {
      void this.#app?.then((app) => app.destroy());
      this.#app = new Promise(() => undefined); // there is no chat any more
      this.remove();
    },
  };

  #language(): string {
    const page = this.#tag.locale || document.documentElement.lang;
    return chooseLanguage(this.#wish, page, this.#site?.locale, ...navigator.languages);
  }

  async #fetchApp(): Promise<WidgetApp> {
    this.#launcher.setAttribute("aria-busy", "true");
    try {
      // A browser may remember that an address failed, so another try is another address.
      const again = this.#tries++ ? `?${this.#tries}` : "";
      const module = (await import(this.#tag.origin + WIDGET_APP_PATH + again)) as AppModule;
      return await module.mount({
        host: this,
        tag: this.#tag,
        site: this.#site,
        held: this.#held,
        language: this.#language(),
        root: this.#root,
        launcher: this.#launcher,
        setUnread: (count, label) => this.#name(count, label),
        emit: (event, detail) => this.events.emit(event, detail),
      });
    } catch (error) {
      this.#app = null; // the next click tries again
      throw error;
    } finally {
      this.#launcher.removeAttribute("aria-busy");
    }
  }

  /** What is written on the launcher is a part of its name, so that one can say it aloud. */
  #name(count: number, label: string): void {
    this.#badge.hidden = count === 0;
    this.#badge.textContent = count > 9 ? "9+" : String(count);
    this.#launcher.setAttribute("aria-label", `${this.#words.textContent} ${label}`.trim());
  }
}
