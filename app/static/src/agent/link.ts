/** The page's connection as an agent, and what of it belongs to no single conversation. */

import type { Hello, Payloads, ServerFrame, Welcome } from "../protocol.ts";
import { AwayButton } from "./away.ts";
import { Realtime, socketUrl, wakeWithPage } from "../rt.ts";
import type { LinkState, Listeners } from "../rt.ts";

const LIST_DELAY_MS = 250;
const OFFLINE_AFTER_MS = 3_000;
const NOT_SIGNED_IN = 4401;

/** An open conversation on this page. */
export interface OpenConversation {
  readonly conversation: string;
  online(welcome: Welcome): void;
  show(): void;
  nack(nack: Payloads["nack"]): void;
  suggested(frame: SuggestionFrame): void;
}

export type SuggestionFrame = Extract<ServerFrame, { t: "suggestion.delta" | "suggestion.ready" }>;

export class AgentLink implements Listeners {
  readonly realtime: Realtime;
  welcomed: Welcome | null = null;

  private readonly away = new AwayButton((frame) => this.realtime.send(frame));
  private open: OpenConversation | null = null;
  private listTimer: number | null = null;
  private offlineTimer: number | null = null;

  constructor(private readonly body: HTMLElement) {
    this.realtime = new Realtime(socketUrl(location.origin), this);
  }

  start(): void {
    wakeWithPage(this.realtime);
    this.realtime.start();
  }

  /** The page shows this conversation now. */
  join(open: OpenConversation): void {
    this.open = open;
    if (this.welcomed && this.realtime.state === "online") open.online(this.welcomed);
  }

  leave(open: OpenConversation): void {
    if (this.open === open) this.open = null;
    // Opened anew, the next element comes before the last one goes.
    if (this.open?.conversation === open.conversation) return;
    this.realtime.unfollow(open.conversation);
    this.realtime.send({ t: "unwatch", c: open.conversation });
  }

  hello(): Hello {
    return { t: "hello", proto: 1, role: "agent", csrf: this.body.dataset["csrf"] ?? "" };
  }

  welcome(welcome: Welcome): void {
    this.welcomed = welcome;
    this.away.show(welcome.away ?? false);
    this.open?.online(welcome);
    this.refreshContact();
    this.refreshList();
  }

  link(state: LinkState, code: number | null): void {
    if (state === "refused" && code === NOT_SIGNED_IN) return location.assign("/dashboard/sign-in");
    if (state === "online") this.setOffline(false);
    else this.offlineTimer ??= window.setTimeout(() => this.setOffline(true), OFFLINE_AFTER_MS);
    this.open?.show();
  }

  changed(): void {
    this.open?.show();
  }

  frame(frame: ServerFrame): void {
    if (frame.t === "list.dirty") {
      this.refreshList();
      if (frame.c === undefined) this.refreshContact();
    }
    const isSuggestion = frame.t === "suggestion.delta" || frame.t === "suggestion.ready";
    if (isSuggestion && frame.c === this.open?.conversation) this.open?.suggested(frame);
    if (frame.t === "presence" && frame.c === undefined) this.away.show(!frame.d.on);
  }

  ack(): void {
    // What an agent did comes back as an event; there is nothing to add.
  }

  nack(nack: Payloads["nack"]): void {
    this.open?.nack(nack);
  }

  /** What changed belongs to no single conversation: somebody has another name, or none. */
  private refreshContact(): void {
    this.body.dispatchEvent(new CustomEvent("care:contact"));
  }

  private setOffline(isOffline: boolean): void {
    if (!isOffline && this.offlineTimer !== null) {
      window.clearTimeout(this.offlineTimer);
      this.offlineTimer = null;
    }
    this.body.toggleAttribute("data-offline", isOffline);
  }

  /** Soon, and once for all that ask meanwhile. */
  refreshList(): void {
    this.listTimer ??= window.setTimeout(() => {
      this.listTimer = null;
      this.body.dispatchEvent(new CustomEvent("care:list"));
    }, LIST_DELAY_MS);
  }
}
