/**
 * What a page may theme the widget with; a name such as `accentDark` is the property
 * `--care-accent-dark`. Values go through CSSOM: what is no value of its kind changes nothing.
 */

import type { Site } from "./shell.ts";

export const THEME =
  "accent accentDark onAccent surface text font radius launcherSize offsetX offsetY width zIndex".split(" ");

/** What stands as an attribute on the host. */
const CHOICE = /^(side (left|right)|scheme (auto|light|dark))$/;

export type Theme = Record<string, unknown>;

export function propertyOf(name: string): string {
  return `--care-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A property of CSS that takes the same kind of value. */
function kindOf(name: string): string {
  if (/accent|surface|text/i.test(name)) return "color";
  return name === "font" ? "font-family" : name === "zIndex" ? "z-index" : "width";
}

export class Look {
  readonly sheet = new CSSStyleSheet();

  constructor(private readonly host: HTMLElement) {
    this.sheet.insertRule(":host {}");
  }

  /** As the office has decided. */
  adopt({ accent, accent_dark, side, scheme }: Site): void {
    this.change({ side, scheme });
    if (accent) this.change({ accent, accentDark: accent_dark || `color-mix(in oklab, ${accent} 72%, white)` });
  }

  /** Returns the names with which nothing could be done. */
  change(theme: Theme): string[] {
    return Object.keys(theme).filter((name) => !this.#set(name, String(theme[name])));
  }

  #set(name: string, value: string): boolean {
    const isChoice = CHOICE.test(`${name} ${value}`);
    if (isChoice) this.host.setAttribute(name, value);
    const isValue = THEME.includes(name) && CSS.supports(kindOf(name), value);
    if (isValue) {
      const rule = this.sheet.cssRules[0] as CSSStyleRule;
      rule.style.setProperty(propertyOf(name), value);
    }
    return isChoice || isValue;
  }
}
