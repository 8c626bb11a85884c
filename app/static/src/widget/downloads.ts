/** What the widget asks for over HTTP with the visitor's token: their files, transcripts. */

import { saveAs } from "../file_card.ts";
import type { UploadTarget } from "../upload.ts";

export class Downloads {
  constructor(
    private readonly origin: string,
    private readonly site: string,
    private readonly session: () => string | null,
  ) {}

  /** Where files go; null before the server has given this visitor a token. */
  get target(): UploadTarget | null {
    const headers = this.headers();
    return headers === null ? null : { url: this.url("files"), headers };
  }

  /** Null where it could not be had. */
  async fetch(path: string): Promise<Blob | null> {
    try {
      const response = await fetch(this.url(path), { headers: this.headers() ?? {} });
      return response.ok ? await response.blob() : null;
    } catch {
      return null;
    }
  }

  /** False where it could not be had. */
  async save(path: string, name: string): Promise<boolean> {
    const found = await this.fetch(path);
    if (found) saveAs(found, name);
    return found !== null;
  }

  /** The conversation as its visitor saw it, times as they are here. */
  saveTranscript(conversation: string, format: "txt" | "html"): Promise<boolean> {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const asked = `as=${format}&tz=${encodeURIComponent(zone)}`;
    return this.save(`conversations/${conversation}/transcript?${asked}`, `conversation.${format}`);
  }

  private url(path: string): string {
    return `${this.origin}/widget/${encodeURIComponent(this.site)}/${path}`;
  }

  private headers(): Record<string, string> | null {
    const session = this.session();
    return session === null ? null : { Authorization: `Bearer ${session}` };
  }
}
