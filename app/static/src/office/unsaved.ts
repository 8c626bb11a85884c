/** Forms marked `data-unsaved`: whoever leaves after typing is asked first. */

export function guardUnsaved(root: Document = document): void {
  let isUnsaved = false;
  root.addEventListener("input", (event) => {
    const field = event.target instanceof Element ? event.target : null;
    if (field?.closest("form[data-unsaved]")) isUnsaved = true;
  });
  root.addEventListener("submit", (event) => {
    const form = event.target instanceof Element ? event.target : null;
    // Asking the bot leaves the page where it is; every other form has decided what becomes of it.
    if (!event.defaultPrevented && !form?.hasAttribute("hx-post")) isUnsaved = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (isUnsaved) event.preventDefault();
  });
}
