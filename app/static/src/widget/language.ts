/** Which language the widget speaks, and what its launcher is called before its words are here. */

export const LANGUAGES = "en de fr es it pt nl ar".split(" ");

/** The first of the wishes we speak, without regard to its region; English when there is none. */
export function chooseLanguage(...wishes: (string | null | undefined)[]): string {
  for (const wish of wishes) {
    const language = String(wish).toLowerCase().split(/[-_]/)[0] ?? "";
    if (LANGUAGES.includes(language)) return language;
  }
  return "en";
}

/** The word is the same in nearly all of them. */
export function launcherName(language: string): string {
  return language === "ar" ? "محادثة" : "Chat";
}
