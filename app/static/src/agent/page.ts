/** Small things of the agents' page: which row is open, and times that stay true. */

const EVERY_MS = 30_000;
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export function listenToPage(): void {
  const refresh = () => {
    markOpenRow();
    tellTimes();
  };
  document.addEventListener("htmx:after:swap", refresh);
  window.setInterval(tellTimes, EVERY_MS);
  refresh();
}

/** The list does not know what is open beside it; the address does. */
function markOpenRow(): void {
  for (const row of document.querySelectorAll<HTMLAnchorElement>("a.row")) {
    if (row.pathname === location.pathname) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

/** "5 min. ago" beside the exact time in the tooltip. */
function tellTimes(): void {
  const short = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "narrow" });
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
    const moment = new Date(element.dateTime);
    const seconds = (moment.getTime() - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? [null, 1];
    element.textContent = unit ? short.format(Math.trunc(seconds / size), unit) : "now";
    element.title = moment.toLocaleString();
  }
}
