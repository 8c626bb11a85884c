/**
 * Pictures that came with messages, small: drawn on a canvas from their bytes. So a page needs no
 * `img-src` for them, no address shows a file in place, and what moves stands still.
 *
 * A canvas has its size before the picture is there, and none of its attributes changes after.
 */

import { h } from "./dom.ts";
import { FILE } from "./icons.ts";
import type { SentFile } from "./protocol.ts";

/** Kinds that every browser can draw. */
const DRAWN = /^image\/(png|jpeg|gif|webp)$/;
/** More is not fetched for a small picture. */
const MAX_BYTES = 5e6;
/** Twice what it takes on the screen. */
const SIZE = { width: 416, height: 280 };

/** Null: it cannot be drawn. */
type Small = Promise<HTMLCanvasElement | null>;

export class Previews {
  readonly #small = new Map<string, Small>();
  readonly #chosen = new WeakMap<Blob, Small>();
  readonly #seen: IntersectionObserver;
  readonly #waiting = new WeakMap<Element, () => void>();

  /** `fetchFile` gives null where the file cannot be had. */
  constructor(private readonly fetchFile: (file: SentFile) => Promise<Blob | null>) {
    this.#seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#waiting.get(target)?.();
        if (isIntersecting || !target.isConnected) this.#seen.unobserve(target);
      }
    });
  }

  /** The picture, once somebody can see its place; null for what is no picture. */
  show(file: SentFile): HTMLCanvasElement | null {
    if (!DRAWN.test(file.type) || file.size > MAX_BYTES) return null;
    const canvas = place();
    const draw = () => void this.#draw(canvas, file);
    if (this.#small.has(file.id)) draw();
    else this.#whenSeen(canvas, draw);
    return canvas;
  }

  /** A picture that is on this device already. */
  local(file: Blob): HTMLCanvasElement | null {
    if (!DRAWN.test(file.type)) return null;
    const canvas = place();
    const small = shrink(file);
    this.#chosen.set(file, small);
    void small.then((drawn) => copy(canvas, drawn));
    return canvas;
  }

  /** It was sent as `id` and need not be fetched. */
  keep(id: string, file: Blob): void {
    const small = this.#chosen.get(file);
    if (small) this.#small.set(id, small);
  }

  /** Another person is here now. */
  forget(): void {
    this.#small.clear();
  }

  #whenSeen(canvas: HTMLCanvasElement, draw: () => void): void {
    this.#waiting.set(canvas, draw);
    this.#seen.observe(canvas);
  }

  async #draw(canvas: HTMLCanvasElement, file: SentFile): Promise<void> {
    let small = this.#small.get(file.id);
    if (!small) {
      small = this.fetchFile(file).then((found) => found && shrink(found));
      this.#small.set(file.id, small);
    }
    const drawn = await small;
    if (drawn === null) this.#small.delete(file.id); // the next one to look may have more luck
    copy(canvas, drawn);
  }
}

function place(): HTMLCanvasElement {
  const { width, height } = SIZE;
  const size = { width: String(width), height: String(height) };
  return h("canvas", { class: "thumb", "aria-hidden": "true", ...size });
}

/** Fills the place, as far as that does not blow a small picture up. */
async function shrink(file: Blob): Small {
  try {
    const whole = await createImageBitmap(file);
    const small = place();
    const scale = Math.min(2, Math.max(SIZE.width / whole.width, SIZE.height / whole.height));
    const [width, height] = [whole.width * scale, whole.height * scale];
    const context = small.getContext("2d");
    if (context) context.imageSmoothingQuality = "high";
    context?.drawImage(whole, (SIZE.width - width) / 2, (SIZE.height - height) / 2, width, height);
    whole.close();
    return small;
  } catch {
    return null;
  }
}

/** What cannot be drawn is shown as a file. */
function copy(canvas: HTMLCanvasElement, small: HTMLCanvasElement | null): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  if (small) return context.drawImage(small, 0, 0);
  context.setTransform(6, 0, 0, 6, SIZE.width / 2 - 72, SIZE.height / 2 - 72);
  context.strokeStyle = "#84848f";
  context.lineWidth = 1.75;
  for (const outline of FILE) context.stroke(new Path2D(outline));
}
