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

  /** False where it could not be had. */
  async save(path: string, name: string): Promise<boolean> {
    try {
      const response = await fetch(this.url(path), { headers: this.headers() ?? {} });
      if (!response.ok) return false;
      saveAs(await response.blob(), name);
      return true;
    } catch {
      return false;
    }
  }

  private url(path: string): string {
    return `${this.origin}/widget/${encodeURIComponent(this.site)}/${path}`;
  }

  private headers(): Record<string, string> | null {
    const session = this.session();
    return session === null ? null : { Authorization: `Bearer ${session}` };
  }
}
