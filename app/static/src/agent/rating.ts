/** What the customer thought, below the thread. */

import { h } from "../dom.ts";
import type { Rating } from "../protocol.ts";
import { stars } from "../stars.ts";
import { agentStrings } from "./strings.ts";

export function showRating(place: HTMLElement, rating: Rating | null): void {
  const state = JSON.stringify(rating);
  if (place.dataset["shown"] === state) return;
  place.dataset["shown"] = state;
  place.hidden = rating === null;
  if (rating?.score === undefined) {
    place.replaceChildren(h("p", {}, agentStrings.notRated));
    return;
  }
  const told = h("p", {}, stars(rating.score), agentStrings.rated(rating.score, rating.about ?? "bot"));
  const comment = rating.comment ? h("blockquote", { dir: "auto" }, rating.comment) : null;
  place.replaceChildren(told, ...(comment ? [comment] : []));
}
