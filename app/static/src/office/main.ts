/** The office's pages: times that stay true, choices that send themselves, links that are copied. */

import { listenToPage } from "../agent/page.ts";
import { Palette } from "../agent/palette.ts";
import { listenToKeys } from "../agent/shortcuts.ts";
import { guardUnsaved } from "./unsaved.ts";
import { showPreview } from "./widget_preview.ts";

listenToPage();
showPreview();
const dialog = document.querySelector<HTMLDialogElement>("#palette");
if (dialog) listenToKeys(new Palette(dialog));

document.addEventListener("change", (event) => {
  const chosen = event.target;
  if (chosen instanceof HTMLSelectElement && chosen.hasAttribute("data-submit")) {
    chosen.form?.requestSubmit();
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  const question = form.dataset["confirm"];
  if (question !== undefined && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  const field = button?.parentElement?.querySelector("input");
  if (!(button instanceof HTMLElement) || !field) return;
  field.select();
  void navigator.clipboard.writeText(field.value).then(() => {
    button.textContent = "Copied";
  });
});

guardUnsaved(); // after the questions above, which may keep a form from being sent
