/**
 * On a phone the software keyboard covers the page and does not make it smaller, so what stands at
 * the end of a full screen would stand behind it. The window takes what is left.
 */

export function clearOfKeyboard(element: HTMLElement, ended: AbortSignal): void {
  const seen = window.visualViewport;
  if (!seen) return;
  const fit = () => {
    // Who magnifies the page wants to see a part of it, not a smaller whole.
    const isWhole = Math.abs(seen.scale - 1) < 0.01;
    set(element, "--seen-height", isWhole ? seen.height : null);
    set(element, "--seen-top", isWhole ? seen.offsetTop : null);
  };
  for (const event of ["resize", "scroll"]) seen.addEventListener(event, fit, { signal: ended });
  fit();
}

function set(element: HTMLElement, name: string, px: number | null): void {
  if (px === null) element.style.removeProperty(name);
  else element.style.setProperty(name, `${px}px`);
}
