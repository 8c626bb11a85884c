/**
 * The script a shop embeds: `<script async src="https://HOST/widget.js" data-site="pk_…"></script>`.
 *
 * It draws the launcher, once the site has said how it looks, and answers `$care`; the chat itself
 * is fetched when it is first opened, or at once for who has written before. No cookie, no inline
 * style, nothing stored.
 */

import { CareWidget } from "./care_widget.ts";
import { complaint, warn } from "./commands.ts";
import { fetchSite } from "./site.ts";

type Care = ((...call: unknown[]) => void) & { q?: ArrayLike<unknown>[] };

declare global {
  interface Window {
    $care?: Care | undefined;
  }
}

const script = document.currentScript;

function obey(widget: CareWidget, call: unknown[]): void {
  const [command, ...args] = call;
  const wrong = complaint(command, args);
  if (wrong !== null) return warn(wrong);
  widget.commands[String(command)]?.(...(args as never[]));
}

/** What was called before we were here is done now, in its order. */
function answerCalls(widget: CareWidget): void {
  const waiting = window.$care?.q ?? [];
  window.$care = (...call) => obey(widget, call);
  for (const call of waiting) obey(widget, Array.from(call));
}

async function show(widget: CareWidget, site: string, origin: string): Promise<void> {
  const told = await fetchSite(origin, site);
  if (told) {
    widget.appear(told);
  } else {
    const message = `${site} is not for ${location.origin}: is that an allowed origin?`;
    warn(message);
    widget.events.emit("error", { code: "unavailable", message });
  }
}

function start(script: HTMLScriptElement): void {
  const { site, company, questions, locale } = script.dataset;
  if (!site) return warn("the script tag needs a data-site");
  const origin = new URL(script.src).origin;
  customElements.define("care-widget", CareWidget);
  const found = document.querySelector<CareWidget>("care-widget");
  const widget = found ?? (document.createElement("care-widget") as CareWidget);
  widget.settle({ site, origin, company, questions: questions?.split("|"), locale });
  // Beside the body, which some sites replace when somebody goes to another page.
  if (!found) document.documentElement.append(widget);
  document.addEventListener("click", (event) => {
    const opener = event.target instanceof Element && event.target.closest("[data-care-open]");
    if (opener) void widget.open();
  });
  answerCalls(widget);
  // The page paints first.
  requestAnimationFrame(() => setTimeout(() => void show(widget, site, origin)));
}

if (script instanceof HTMLScriptElement && !customElements.get("care-widget")) {
  if (document.readyState !== "loading") start(script);
  else document.addEventListener("DOMContentLoaded", () => start(script));
}
