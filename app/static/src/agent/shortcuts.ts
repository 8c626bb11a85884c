/** Single keys for what agents do all day; never while something is being typed. */

import { showField } from "./palette.ts";
import type { Palette } from "./palette.ts";

export function listenToKeys(palette: Palette): void {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      palette.open();
      return;
    }
    if (event.key === "Escape" && closeMenu()) return;
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    if (act(event.key)) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-open=palette]")) palette.open();
    // A menu closes when something else, or something in it, is clicked.
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]"))
      if (!menu.contains(target) || target?.closest("[data-act]")) menu.open = false;
  });
}

function act(key: string): boolean {
  switch (key) {
    case "j":
      return openRow(1);
    case "k":
      return openRow(-1);
    case "t":
      return click("[data-act=takeover]");
    case "b":
      return click("[data-part=release-menu] > summary");
    case "a":
      return field("#assignee");
    case "p":
      return field("#priority");
    case "l":
      return field("#new-label");
    case "e":
      return click("[data-act=resolve]");
    case "s":
      return click("[data-part=snooze-menu] > summary");
    case "r":
      return click(".reply-tabs [data-kind=reply]");
    case "n":
      return click(".reply-tabs [data-kind=note]");
    case "/":
      return focus("#filter-q, .office-finder [type=search]");
    case "?":
      document.querySelector<HTMLDialogElement>("#keys")?.showModal();
      return true;
    default:
      return false;
  }
}

/** An open menu closes, and its button has the focus again. */
function closeMenu(): boolean {
  const menu = document.querySelector<HTMLDetailsElement>("details.menu[open]");
  if (!menu) return false;
  menu.open = false;
  menu.querySelector("summary")?.focus();
  return true;
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  return target?.closest("input, textarea, select, dialog[open], [contenteditable]") != null;
}

function openRow(step: number): boolean {
  const rows = [...document.querySelectorAll<HTMLAnchorElement>("a.row")];
  const now = rows.findIndex((row) => row.getAttribute("aria-current") === "true");
  const next = rows[now < 0 ? 0 : now + step];
  next?.click();
  next?.scrollIntoView({ block: "nearest" });
  return next !== undefined;
}

function click(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  if (!found || found.hidden || found.closest("[hidden]")) return false;
  found.click();
  return true;
}

function field(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(`${selector}:enabled`);
  if (found) showField(found);
  return found !== null;
}

function focus(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus();
  return found !== null;
}
