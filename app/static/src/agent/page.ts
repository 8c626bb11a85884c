/** Small things of the agents' page: which row is open, its address, times that stay true. */

const EVERY_MS = 30_000;
const MAX_RELATIVE_S = 30 * 86_400;
const UNITS: ["day" | "hour" | "minute" | "second", number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

const MOMENT: Intl.DateTimeFormatOptions = { weekday: "short", hour: "numeric", minute: "2-digit" };

export function listenToPage(): void {
  const refresh = () => {
    showTab();
    markOpenRow();
    keepAddress();
    tellTimes();
    tellLanguages();
  };
  document.addEventListener("htmx:after:swap", refresh);
  window.setInterval(tellTimes, EVERY_MS);
  refresh();
}

let shownTab: Element | null = null;

/** On a phone the present tab may lie beside the screen; once it was shown, people scroll. */
function showTab(): void {
  const here = document.querySelector(".view[aria-current], .tab[aria-current]");
  if (here !== shownTab) here?.scrollIntoView({ block: "nearest", inline: "center" });
  shownTab = here;
}

/** The list does not know what is open beside it; the address does. */
function markOpenRow(): void {
  for (const row of document.querySelectorAll<HTMLAnchorElement>("a.row")) {
    if (row.pathname === location.pathname) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

/** Loaded again, or sent to a colleague, the address shows the same view and filter. */
function keepAddress(): void {
  const shown = document.querySelector("#list")?.getAttribute("hx-get")?.split("?")[1];
  const isUsual = !location.search && shown === "view=all";
  if (shown === undefined || isUsual || location.search === `?${shown}`) return;
  history.replaceState(history.state, "", `${location.pathname}?${shown}`);
}

/** "de-AT" as "Austrian German"; what the browser does not know stays as it is. */
function tellLanguages(): void {
  const names = new Intl.DisplayNames(document.documentElement.lang, { type: "language" });
  for (const element of document.querySelectorAll<HTMLElement>("[data-language]")) {
    try {
      element.textContent = names.of(element.dataset["language"] ?? "") ?? element.textContent;
    } catch {
      continue; // not a language tag
    }
  }
}

/** "5m ago", or plain "5m" for a time that is still running; the exact time is in the tooltip. */
function tellTimes(): void {
  const lang = document.documentElement.lang;
  const ago = new Intl.RelativeTimeFormat(lang, { style: "narrow" });
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
    const moment = new Date(element.dateTime);
    const seconds = Math.max(0, (Date.now() - moment.getTime()) / 1000);
    const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? ["second", 1];
    const count = Math.trunc(seconds / size);
    if (element.dataset["relative"] === "moment") {
      element.textContent = new Intl.DateTimeFormat(lang, MOMENT).format(moment);
    } else if (element.dataset["relative"] === "running") {
      const running = new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "narrow" });
      element.textContent = running.format(count);
    } else if (seconds > MAX_RELATIVE_S) {
      element.textContent = new Intl.DateTimeFormat(lang, { dateStyle: "medium" }).format(moment);
    } else {
      element.textContent = unit === "second" ? "now" : ago.format(-count, unit);
    }
    element.title = moment.toLocaleString();
  }
}
