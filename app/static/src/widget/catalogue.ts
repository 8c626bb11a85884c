/** The words of a language, fetched when it is spoken; English is always here. */

import { en } from "../strings.ts";
import type { Strings } from "../strings.ts";

/** Where each language's file is, put in by the build. */
declare const LANGUAGE_PATHS: Record<string, string>;

/** English too where the file cannot be had: a chat in another language is better than none. */
export async function catalogue(origin: string, language: string): Promise<Strings> {
  const path = LANGUAGE_PATHS[language];
  if (path === undefined) return en;
  try {
    return ((await import(origin + path)) as { strings: Strings }).strings;
  } catch {
    return en;
  }
}
