/** What the chat is told about its site: the script tag's words go before the office's. */

import type { Shell } from "./shell.ts";

export interface Config {
  site: string;
  origin: string;
  company: string;
  /** Questions offered in an empty chat. */
  questions: string[];
  /** The greeting; empty: the widget's own. */
  title: string;
  greeting: string;
  /** Whether it stands in the page and not in its corner. */
  isInline: boolean;
}

export function configOf({ host, tag, site }: Shell): Config {
  return {
    site: tag.site,
    origin: tag.origin,
    company: tag.company ?? site?.company ?? "",
    questions: tag.questions ?? site?.questions ?? [],
    title: site?.title ?? "",
    greeting: site?.greeting ?? "",
    isInline: host.hasAttribute("inline"),
  };
}
