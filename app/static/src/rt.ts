/**
 * The one `care.v1` connection of a page: says hello, stays connected, loses nothing.
 *
 * Messages wait in an outbox until they are acknowledged (`outbox.ts`); everything else is sent or
 * forgotten. What the page shows lives in the followers.
 */

import { FINAL_CLOSE_CODES, SUBPROTOCOL } from "./protocol.ts";
import { Outbox } from "./outbox.ts";
import type { Posted } from "./outbox.ts";
import type { ClientFrame, Hello, Payloads, ServerFrame, Welcome } from "./protocol.ts";
import { Sequence } from "./sequence.ts";
import type { Follower } from "./sequence.ts";

/** "refused": the server will not have this client, and trying again cannot help. */
export type LinkState = "idle" | "connecting" | "online" | "waiting" | "refused";

/** What the connection needs of the world; the browser's own, or a test's. */
export interface World {
  open(url: string): SocketLike;
  setTimeout(run: () => void, delayMs: number): number;
  clearTimeout(timer: number): void;
  random(): number;
}

export interface SocketLike {
  readonly readyState: number;
  send(data: string): void;
  close(code?: number): void;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
}

export interface Listeners {
  hello(): Hello;
  welcome(welcome: Welcome): void;
  /** After every change of the link; `code` and `reason` are the server's when it went down. */
  link(state: LinkState, code: number | null, reason: string): void;
  /** Something a follower shows has changed. */
  changed(conversation: string): void;
  /** A frame of no followed conversation, or of none at all. */
  frame(frame: ServerFrame): void;
  ack(ack: Payloads["ack"]): void;
  nack(nack: Payloads["nack"], conversation: string | undefined): void;
}

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 30_000;
const RESTART_SPREAD_MS = 5_000;
const PROBE_MS = 5_000;
/** A server that has not welcomed us by then is not there. */
const WELCOME_MS = 15_000;
const OPEN = 1;

export const browserWorld: World = {
  open: (url) => new WebSocket(url, SUBPROTOCOL),
  setTimeout: (run, delayMs) => window.setTimeout(run, delayMs),
  clearTimeout: (timer) => window.clearTimeout(timer),
  random: () => Math.random(),
};

export class Realtime {
  state: LinkState = "idle";

  #socket: SocketLike | null = null;
  #sequences = new Map<string, Sequence>();
  readonly #outbox = new Outbox((frame) => this.send(frame));
  #timer: number | null = null;
  #heartbeat: number | null = null;
  #probing: number | null = null;
  #attempts = 0;
  #pings = 0;
  #unanswered = 0;
  #beatMs = 25_000;
  #isDraining = false;

  constructor(
    private readonly url: string,
    private readonly listeners: Listeners,
    private readonly world: World = browserWorld,
  ) {}

  /** Connect, unless that is under way. */
  start(): void {
    if (this.state === "idle" || this.state === "waiting") this.#connect();
  }

  /** Close and stay closed until `start`. */
  stop(): void {
    this.#drop();
    this.#setState("idle", null);
  }

  /** The machine woke up or the network is back: connect now, or find out whether the link lives. */
  wake(): void {
    if (this.state === "waiting") this.#connect();
    else if (this.state === "online") this.#probe();
  }

  /** Keep `follower` up to date with a conversation, from its `lastSeq` on. */
  follow(conversation: string, follower: Follower): Sequence {
    const sequence = new Sequence(
      follower,
      (after) => this.send({ t: "sync", c: conversation, after }),
      () => this.listeners.changed(conversation),
    );
    this.#sequences.set(conversation, sequence);
    return sequence;
  }

  unfollow(conversation: string): void {
    this.#sequences.delete(conversation);
  }

  unfollowAll(): void {
    this.#sequences.clear();
  }

  /** Send now or not at all; false when there is no connection. */
  send(frame: ClientFrame): boolean {
    if (this.state !== "online" || !this.#transmit(frame)) return false;
    return true;
  }

  /** Send it, after what was posted before, until the server has acknowledged or refused it. */
  post(frame: Posted): void {
    this.#outbox.add(frame);
  }

  /** Forget what has not been acknowledged. */
  withdraw(cid: string): void {
    this.#outbox.remove(cid);
  }

  #connect(): void {
    this.#drop();
    this.#setState("connecting", null);
    this.#heartbeat = this.world.setTimeout(() => this.#lost(), WELCOME_MS);
    const socket = this.world.open(this.url);
    this.#socket = socket;
    socket.onopen = () => {
      const resume: Record<string, number> = {};
      for (const [id, sequence] of this.#sequences) {
        resume[id] = sequence.lastSeq;
        sequence.expectReplay();
      }
      const hello = this.listeners.hello();
      this.#transmit(Object.keys(resume).length > 0 ? { ...hello, resume } : hello);
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#closed(event.code, event.reason);
  }

  #receive(data: unknown): void {
    this.#unanswered = 0;
    const frame = JSON.parse(String(data)) as ServerFrame;
    switch (frame.t) {
      case "welcome":
        return this.#welcomed(frame.d);
      case "ack":
        if (frame.d.cid) this.#outbox.remove(frame.d.cid);
        this.listeners.ack(frame.d);
        return this.#outbox.next();
      case "nack":
        return this.#refused(frame.d, frame.c);
      case "draining":
        this.#isDraining = true;
        return;
      case "pong":
        return;
      case "suggestion.delta":
      case "suggestion.ready":
      case "list.dirty": // names a conversation, but is not part of its thread
        return this.listeners.frame(frame);
      default: {
        const sequence = frame.c === undefined ? undefined : this.#sequences.get(frame.c);
        if (sequence) sequence.receive(frame);
        else this.listeners.frame(frame);
      }
    }
  }

  #welcomed(welcome: Welcome): void {
    this.#attempts = 0;
    this.#beatMs = welcome.hb * 1000;
    this.#scheduleBeat();
    this.#setState("online", null);
    this.listeners.welcome(welcome);
    this.#outbox.next();
  }

  #refused(nack: Payloads["nack"], conversation: string | undefined): void {
    if (this.#outbox.get(nack.cid) && nack.retry_after !== undefined) {
      this.world.setTimeout(() => {
        this.#outbox.cut();
        this.#outbox.next();
      }, nack.retry_after * 1000);
      return;
    }
    if (nack.cid !== undefined) this.#outbox.remove(nack.cid);
    this.listeners.nack(nack, conversation);
    this.#outbox.next();
  }

  #closed(code: number, reason = ""): void {
    this.#drop();
    if (FINAL_CLOSE_CODES.has(code)) return this.#setState("refused", code, reason);
    const isRestart = this.#isDraining || code === 1012;
    this.#isDraining = false;
    const ceiling = isRestart
      ? RESTART_SPREAD_MS
      : Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#timer = this.world.setTimeout(() => this.#connect(), this.world.random() * ceiling);
    this.#setState("waiting", code, reason);
  }

  #scheduleBeat(): void {
    if (this.#heartbeat !== null) this.world.clearTimeout(this.#heartbeat);
    this.#heartbeat = this.world.setTimeout(() => {
      if (this.#unanswered >= 2) return this.#lost();
      this.#ping();
      this.#scheduleBeat();
    }, this.#beatMs);
  }

  /** Ask for a sign of life and give up the link when none comes. */
  #probe(): void {
    if (this.#probing !== null) return;
    this.#ping();
    this.#probing = this.world.setTimeout(() => {
      this.#probing = null;
      if (this.#unanswered > 0) this.#lost();
    }, PROBE_MS);
  }

  #ping(): void {
    this.#unanswered += 1;
    this.#pings += 1;
    this.send({ t: "ping", n: this.#pings });
  }

  #lost(): void {
    this.#closed(1006);
  }

  #transmit(frame: ClientFrame): boolean {
    if (!this.#socket || this.#socket.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #drop(): void {
    for (const timer of [this.#timer, this.#heartbeat, this.#probing]) {
      if (timer !== null) this.world.clearTimeout(timer);
    }
    this.#timer = this.#heartbeat = this.#probing = null;
    this.#unanswered = 0;
    this.#outbox.cut();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #setState(state: LinkState, code: number | null, reason = ""): void {
    this.state = state;
    this.listeners.link(state, code, reason);
  }
}

/** Try at once when the network returns or the page is looked at again, until `ended`. */
export function wakeWithPage(realtime: Realtime, ended?: AbortSignal): void {
  const options = ended ? { signal: ended } : {};
  window.addEventListener("online", () => realtime.wake(), options);
  const look = () => {
    if (document.visibilityState === "visible") realtime.wake();
  };
  document.addEventListener("visibilitychange", look, options);
}

/** The websocket of the server a page or script came from. */
export function socketUrl(origin: string): string {
  return `${origin.replace(/^http/, "ws")}/ws/v1`;
}
