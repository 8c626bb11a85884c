/**
 * Tells an agent who looks elsewhere what is new: how much in the page's title, and, where they have
 * asked for it in this browser, with a notification and a soft sound.
 *
 * The server says what is new below the list (`#news`), whatever the list shows.
 */

const KEY = "careline.alerts";
const TONE_HZ = [660, 880];
const TONE_S = 0.12;

export class Alerts {
  private known: Set<string> | null = null;

  constructor(private readonly root: Document = document) {
    root.addEventListener("click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest("[data-act=alerts]")) void this.toggle();
    });
    // Not sooner: a swap may bring another title, to which the number belongs as well.
    root.addEventListener("htmx:finally:swap", () => this.look());
    this.look();
    this.draw();
  }

  get isOn(): boolean {
    return localStorage.getItem(KEY) === "on";
  }

  async toggle(): Promise<void> {
    if (this.isOn) localStorage.removeItem(KEY);
    else {
      localStorage.setItem(KEY, "on");
      play();
      if ("Notification" in window && Notification.permission === "default")
        await Notification.requestPermission();
    }
    this.draw();
  }

  /** Compare with what was new before; the first look is not news. */
  private look(): void {
    const news = [...this.root.querySelectorAll<HTMLElement>("#news > li")];
    this.count(news.length);
    const fresh = news.find(({ dataset }) => this.known && !this.known.has(dataset["key"] ?? ""));
    this.known = new Set(news.map(({ dataset }) => dataset["key"] ?? ""));
    if (fresh && this.isOn && !this.root.hasFocus()) tell(fresh);
  }

  /** Before the page's title, for whoever looks at another tab. */
  private count(num: number): void {
    const title = this.root.title.replace(/^\(\d+\) /, "");
    this.root.title = num > 0 ? `(${num}) ${title}` : title;
  }

  private draw(): void {
    for (const button of this.root.querySelectorAll("[data-act=alerts]"))
      button.setAttribute("aria-pressed", String(this.isOn));
  }
}

function tell(news: HTMLElement): void {
  play();
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const link = news.querySelector("a");
  const body = news.querySelector("p")?.textContent ?? "";
  const shown = new Notification(link?.textContent ?? "", { body, tag: link?.pathname ?? "" });
  shown.addEventListener("click", () => {
    window.focus();
    if (link) location.assign(link.href);
  });
}

function play(): void {
  const audio = new AudioContext();
  TONE_HZ.forEach((frequency, i) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.08, audio.currentTime + i * TONE_S);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + (i + 2) * TONE_S);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + i * TONE_S);
    tone.stop(audio.currentTime + (i + 2) * TONE_S);
  });
}
