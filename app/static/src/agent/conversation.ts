/**
 * One open conversation: `<care-conversation conversation="ID">` around the server's markup.
 *
 * The server has drawn it as it was; from here on the thread state decides what is shown, by
 * `data-part` and `data-act`. Taking over is a compare-and-set on the epoch this page has seen.
 */

import { Announcer } from "../announcer.ts";
import { MessageList } from "../message_view.ts";
import type { Payloads, Welcome } from "../protocol.ts";
import { StickyScroll } from "../scroll.ts";
import { Thread } from "../thread.ts";
import { TypingExpiry, TypingSender } from "../typing.ts";
import { ReplyForm } from "./reply_form.ts";
import type { AgentLink, OpenConversation } from "./link.ts";
import { agentStrings } from "./strings.ts";

const NOTICE_MS = 6_000;

export class CareConversation extends HTMLElement implements OpenConversation {
  static link: AgentLink;

  private readonly thread = new Thread();
  private readonly announcer = new Announcer();
  private readonly typingExpiry = new TypingExpiry();
  private readonly typing = new TypingSender(() => {
    this.realtime.send({ t: "typing", c: this.conversation, on: true });
  });
  private messages: MessageList | null = null;
  private sticky: StickyScroll | null = null;
  private form: ReplyForm | null = null;
  private noticeTimer: number | null = null;
  private readUpTo = 0;
  private isKnown = false;

  get conversation(): string {
    return this.getAttribute("conversation") ?? "";
  }

  connectedCallback(): void {
    this.messages = new MessageList(this.piece("thread", HTMLOListElement), {
      strings: agentStrings,
      base: location.origin,
      own: "agent",
      botName: () => this.link.welcomed?.bot.name ?? agentStrings.assistant,
      retry: (cid) => this.retry(cid),
      choose: null,
    });
    const jump = this.piece("jump", HTMLButtonElement);
    this.sticky = new StickyScroll(this.piece("log"), (isAway) => (jump.hidden = !isAway));
    jump.addEventListener("click", () => this.sticky?.toEnd());
    this.form = new ReplyForm(this.piece("reply", HTMLFormElement), {
      send: (text) => this.say(text),
      typed: () => this.typing.typed(),
    });
    this.append(this.announcer.region);
    this.addEventListener("click", (event) => this.act(event));
    this.link.join(this);
  }

  disconnectedCallback(): void {
    this.link.leave(this);
  }

  online(welcome: Welcome): void {
    this.form?.setLimit(welcome.limits.text);
    if (!this.isKnown) this.realtime.follow(this.conversation, this.thread);
    if (!this.isKnown) this.realtime.send({ t: "watch", c: this.conversation });
    this.show();
  }

  show(): void {
    const { thread } = this;
    const items = thread.items();
    if (!this.isKnown && thread.detail) {
      this.isKnown = true;
      this.announcer.skip(items);
    }
    if (!this.isKnown) return;
    this.piece("loading").hidden = true;
    this.messages?.update(items, this.realtime.state === "online");
    this.announcer.update(items, "agent");
    this.typingExpiry.watch(thread, () => this.show());
    this.showState();
    this.sticky?.follow();
    this.markRead();
  }

  nack(nack: Payloads["nack"]): void {
    if (nack.cid !== undefined) this.thread.refuse(nack.cid, nack.message);
    else this.notice(nack.message);
    this.show();
  }

  private get link(): AgentLink {
    return CareConversation.link;
  }

  private get realtime() {
    return this.link.realtime;
  }

  private showState(): void {
    const { thread } = this;
    const me = this.link.welcomed?.agent;
    const isEnded = thread.status === "resolved" || thread.status === "archived";
    const isMine = thread.control === "human" && thread.assignee?.id === me?.id;
    const isReader = me?.role === "viewer";
    this.dataset["control"] = isEnded ? "resolved" : thread.control;
    this.piece("control").textContent = agentStrings.badge(thread);
    this.piece("control").dataset["control"] = isEnded ? "resolved" : thread.control;
    this.piece("assignee").textContent = thread.assignee?.name ?? agentStrings.nobody;
    this.piece("writing").hidden = thread.live === null;
    this.piece("typing").hidden = thread.typing === null;
    this.button("takeover").hidden = isEnded || isMine || isReader;
    this.button("takeover").classList.toggle("primary", thread.control !== "human");
    this.button("release").hidden = isEnded || !isMine;
    this.button("resolve").hidden = isEnded || isReader;
    const closed = this.piece("closed");
    closed.hidden = !isEnded && !isReader;
    closed.textContent = isReader ? agentStrings.readOnly : agentStrings.closed;
    this.form?.show(!isEnded && !isReader, agentStrings.replyPlaceholder(thread, isMine));
  }

  private act(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    const { epoch } = this.thread;
    const c = this.conversation;
    switch (button?.getAttribute("data-act")) {
      case "takeover":
        this.form?.offerDraft(this.thread.live?.text ?? "");
        this.realtime.send({ t: "takeover", c, epoch });
        this.form?.focus();
        break;
      case "release":
        this.realtime.send({ t: "release", c, epoch });
        break;
      case "resolve":
        this.realtime.send({ t: "resolve", c });
        break;
    }
  }

  private say(text: string): void {
    const cid = crypto.randomUUID();
    this.thread.addPending({ cid, text, at: new Date().toISOString() });
    this.realtime.post({ t: "message.send", cid, c: this.conversation, text });
    this.typing.sent();
    this.show();
    this.sticky?.toEnd();
  }

  private retry(cid: string): void {
    const pending = this.thread.removePending(cid);
    if (pending) this.say(pending.text);
  }

  private markRead(): void {
    if (document.visibilityState !== "visible" || this.thread.lastSeq <= this.readUpTo) return;
    this.readUpTo = this.thread.lastSeq;
    this.realtime.send({ t: "read", c: this.conversation, s: this.readUpTo });
  }

  private notice(text: string): void {
    const notice = this.piece("notice");
    notice.textContent = text;
    notice.hidden = false;
    if (this.noticeTimer !== null) window.clearTimeout(this.noticeTimer);
    this.noticeTimer = window.setTimeout(() => (notice.hidden = true), NOTICE_MS);
  }

  private button(act: string): HTMLElement {
    return this.one(`[data-act="${act}"]`, HTMLElement);
  }

  private piece(name: string): HTMLElement;
  private piece<E extends HTMLElement>(name: string, type: new () => E): E;
  private piece(name: string, type: new () => HTMLElement = HTMLElement): HTMLElement {
    return this.one(`[data-part="${name}"]`, type);
  }

  private one<E extends HTMLElement>(selector: string, type: new () => E): E {
    const found = this.querySelector(selector);
    if (!(found instanceof type)) throw new Error(`conversation page lacks ${selector}`);
    return found;
  }
}
