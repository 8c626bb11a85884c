import type { Site } from "./shell.ts";

/** Null when the page may not embed the site, or nobody answers; a browser does not say which. */
export async function fetchSite(origin: string, site: string): Promise<Site | null> {
  try {
    const answer = await fetch(`${origin}/widget/v1/${site}`, { credentials: "omit" });
    return answer.ok ? ((await answer.json()) as Site) : null;
  } catch {
    return null;
  }
}
