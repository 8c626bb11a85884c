/** A rating as five stars; the number is said beside or by the button, the stars are looks. */

import { h, icon } from "./dom.ts";
import { STAR } from "./icons.ts";

export function stars(score: number): HTMLElement {
  const row = h("span", { class: "stars", "aria-hidden": "true" });
  for (const each of [1, 2, 3, 4, 5]) {
    const star = icon(...STAR);
    star.classList.toggle("full", each <= score);
    row.append(star);
  }
  return row;
}
