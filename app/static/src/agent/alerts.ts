/**
 * Tells an agent who looks elsewhere that a customer writes: a notification and a soft sound.
 *
 * Off until asked for; remembered in this browser. What is new follows from the list itself.
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
    root.addEventListener("htmx:after:swap", () => this.look());
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

  /** Compare the list with what it was; the first look is not news. */
  private look(): void {
    const unread = [...this.root.querySelectorAll<HTMLAnchorElement>("a.row[data-unread]")];
    const seen = new Map(unread.map((row) => [`${row.pathname} ${snippet(row)}`, row]));
    const fresh = this.known ? [...seen].filter(([key]) => !this.known?.has(key)) : [];
    this.known = new Set(seen.keys());
    const row = fresh[0]?.[1];
    if (row && this.isOn && !this.root.hasFocus()) tell(row);
  }

  private draw(): void {
    for (const button of this.root.querySelectorAll("[data-act=alerts]"))
      button.setAttribute("aria-pressed", String(this.isOn));
  }
}

function snippet(row: Element): string {
  return row.querySelector(".row-snippet")?.textContent.trim() ?? "";
}

function tell(row: HTMLAnchorElement): void {
  play();
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const name = row.querySelector(".row-name")?.textContent ?? "";
  const shown = new Notification(name, { body: snippet(row), tag: row.pathname });
  shown.addEventListener("click", () => {
    window.focus();
    row.click();
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
