/** One file on its way to the server, with its progress. */

import type { SentFile } from "./protocol.ts";

/** Where files go, and what says who sends them. */
export interface UploadTarget {
  url: string;
  headers: Record<string, string>;
}

export interface Upload {
  /** Rejects with an `UploadError`. */
  done: Promise<SentFile>;
  abort(): void;
}

/** Why the server did not take it: its code and sentence, empty where there is none. */
export class UploadError extends Error {
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

export function upload(target: UploadTarget, file: File, progress: (share: number) => void): Upload {
  const request = new XMLHttpRequest(); // fetch cannot tell how far an upload is
  const done = new Promise<SentFile>((resolve, reject) => {
    request.open("POST", target.url);
    for (const [name, value] of Object.entries(target.headers)) request.setRequestHeader(name, value);
    request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.onprogress = (event) => progress(event.total ? event.loaded / event.total : 0);
    request.onload = () => {
      const told = read(request.responseText);
      if (request.status === 201) resolve(told as unknown as SentFile);
      else reject(new UploadError(String(told["code"] ?? ""), String(told["detail"] ?? "")));
    };
    request.onerror = request.onabort = () => reject(new UploadError("", ""));
    request.send(file);
  });
  return { done, abort: () => request.abort() };
}

/** "1.4 MB", in the reader's way of writing numbers. */
export function sizeText(bytes: number, language: string | undefined): string {
  const [unit, size] = bytes < 1e6 ? (["kilobyte", 1e3] as const) : (["megabyte", 1e6] as const);
  const maximumFractionDigits = unit === "kilobyte" ? 0 : 1;
  const shown = new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits });
  return shown.format(Math.max(bytes / size, unit === "kilobyte" ? 1 : 0));
}

function read(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
