/**
 * The script a shop embeds: `<script async src="https://HOST/widget.js" data-site="pk_…"></script>`.
 *
 * It draws the launcher and nothing more; the chat itself is fetched when it is first opened, or at
 * once when it was open before a reload. No cookie, no inline style, nothing stored.
 */

import { h, icon } from "../dom.ts";
import { CHAT, DOWN } from "../icons.ts";
import { en } from "../strings.ts";
import css from "./launcher.css";
import { recall } from "./memory.ts";
import type { AppModule, Config, WidgetApp } from "./shell.ts";

/** The path of the application, put in by the build. */
declare const WIDGET_APP_PATH: string;

const script = document.currentScript;

class CareWidget extends HTMLElement {
  private app: Promise<WidgetApp> | null = null;
  private readonly launcher = h("button", {
    type: "button",
    class: "launcher",
    part: "launcher",
    "aria-haspopup": "dialog",
    "aria-expanded": "false",
    "aria-label": en.launcher,
  });
  private readonly badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true });
  private readonly root = this.attachShadow({ mode: "open" });

  constructor(private readonly config: Config) {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.root.adoptedStyleSheets = [sheet];
    this.launcher.append(icon(...CHAT), icon(...DOWN), this.badge);
    this.launcher.addEventListener("click", () => void this.toggle());
    this.root.append(this.launcher);
  }

  async open(): Promise<void> {
    (await this.load()).open();
  }

  private async toggle(): Promise<void> {
    const app = await this.load();
    if (app.isOpen) app.close();
    else app.open();
  }

  private load(): Promise<WidgetApp> {
    this.app ??= this.fetchApp();
    return this.app;
  }

  private async fetchApp(): Promise<WidgetApp> {
    this.launcher.setAttribute("aria-busy", "true");
    try {
      const module = (await import(this.config.origin + WIDGET_APP_PATH)) as AppModule;
      return module.mount({
        config: this.config,
        root: this.root,
        launcher: this.launcher,
        setUnread: (count) => this.setUnread(count),
      });
    } catch (error) {
      this.app = null; // the next click tries again
      throw error;
    } finally {
      this.launcher.removeAttribute("aria-busy");
    }
  }

  private setUnread(count: number): void {
    this.badge.hidden = count === 0;
    this.badge.textContent = count > 9 ? "9+" : String(count);
    this.launcher.setAttribute("aria-label", count ? en.launcherUnread(count) : en.launcher);
  }
}

function start(script: HTMLScriptElement): void {
  const { site, company, questions } = script.dataset;
  if (!site) throw new Error("careline: the script tag needs a data-site");
  const config: Config = {
    site,
    origin: new URL(script.src).origin,
    company: company ?? en.defaultCompany,
    questions: questions ? questions.split("|") : [],
  };
  customElements.define("care-widget", CareWidget);
  const widget = new CareWidget(config);
  document.body.append(widget);
  document.addEventListener("click", (event) => {
    const opener = event.target instanceof Element && event.target.closest("[data-care-open]");
    if (opener) void widget.open();
  });
  if (recall(site)?.isOpen) void widget.open();
}

if (script instanceof HTMLScriptElement && !customElements.get("care-widget")) {
  if (document.body) start(script);
  else document.addEventListener("DOMContentLoaded", () => start(script));
}
