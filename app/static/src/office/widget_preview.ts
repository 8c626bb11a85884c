/** The page about the widget shows what is chosen on the chat in its own corner, before it is saved. */

export function showPreview(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-widget-preview]");
  form?.addEventListener("input", () => show(new FormData(form)));
}

function show(chosen: FormData): void {
  const text = (name: string): string => String(chosen.get(name) ?? "").trim();
  const accent = isColour(text("accent")) ? text("accent") : "#5248d6";
  const accentDark = isColour(text("accent_dark")) ? text("accent_dark") : accent;
  window.$care?.("theme", { accent, accentDark, side: text("side"), scheme: text("scheme") });
  window.$care?.("locale", text("locale") || document.documentElement.lang);
}

/** Half a colour is typed before a whole one. */
function isColour(text: string): boolean {
  return /^#[0-9a-f]{6}$/i.test(text);
}
