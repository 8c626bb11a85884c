/**
 * One open conversation: `<care-conversation conversation="ID">` around the server's markup.
 *
 * The server has drawn it as it was; from here on the thread state decides what is shown, by
 * `data-part` and `data-act`. Taking over is a compare-and-set on the epoch this page has seen.
 */

import { Announcer } from "../announcer.ts";
import { MessageList } from "../message_view.ts";
import { Previews } from "../previews.ts";
import type { Payloads, SentFile, Welcome } from "../protocol.ts";
import { StickyScroll } from "../scroll.ts";
import { Thread } from "../thread.ts";
import { TypingExpiry, TypingSender } from "../typing.ts";
import { newId } from "../uuid.ts";
import { Copilot, sourcesInto } from "./copilot.ts";
import { Details } from "./details.ts";
import { halfAnswer } from "./half_answer.ts";
import { showRating } from "./rating.ts";
import { ReplyForm } from "./reply_form.ts";
import type { Kind } from "./reply_form.ts";
import { snoozeMoment } from "./snooze.ts";
import type { AgentLink, OpenConversation, SuggestionFrame } from "./link.ts";
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
  private details: Details | null = null;
  private copilot: Copilot | null = null;
  private readonly leaving = () => this.form?.keep();
  private noticeTimer: number | null = null;
  private readUpTo = 0;
  /** The bot's text at this page's takeover, which may be more than was kept of it. */
  private stopped = "";
  private isKnown = false;

  get conversation(): string {
    return this.getAttribute("conversation") ?? "";
  }

  /** As the head of the page calls them now. */
  private get customer(): string {
    return this.querySelector("#talk-name")?.textContent ?? "";
  }

  connectedCallback(): void {
    this.messages = new MessageList(this.piece("thread", HTMLOListElement), {
      strings: agentStrings,
      base: location.origin,
      own: "agent",
      botName: () => this.link.welcomed?.bot.name ?? agentStrings.assistant,
      retry: (cid) => this.retry(cid),
      choose: null,
      save: address,
      previews: new Previews(fetchFile),
      feedback: agentStrings.feedback,
    });
    const jump = this.piece("jump", HTMLButtonElement);
    this.sticky = new StickyScroll(this.piece("log"), (isAway) => (jump.hidden = !isAway));
    jump.addEventListener("click", () => this.sticky?.toEnd());
    const handlers = {
      send: (kind: Kind, text: string, files: SentFile[]) => this.say(text, kind === "note", files),
      typed: () => this.typing.typed(),
      keep: (kind: Kind, text: string) =>
        this.realtime.send({ t: "draft.keep", c: this.conversation, kind, text }),
    };
    this.form = new ReplyForm(this.piece("reply", HTMLFormElement), handlers, {
      canned: this.piece("canned"),
      colleagues: this.piece("colleagues"),
      customer: () => this.customer,
    });
    const form = this.form;
    const field = { read: () => form.text(), write: (text: string) => form.replace(text) };
    const showSources = sourcesInto(this.piece("sources", HTMLUListElement));
    const suggest = this.one('[data-act="suggest"]', HTMLButtonElement);
    this.copilot = new Copilot(suggest, field, showSources);
    const panel = this.one(".contact", HTMLElement);
    this.details = new Details(panel, this.conversation, (frame) => this.realtime.send(frame));
    this.append(this.announcer.region);
    this.addEventListener("click", (event) => this.act(event));
    window.addEventListener("pagehide", this.leaving);
    this.link.join(this);
  }

  disconnectedCallback(): void {
    this.form?.keep();
    window.removeEventListener("pagehide", this.leaving);
    this.link.leave(this);
  }

  online(welcome: Welcome): void {
    this.form?.setLimits(welcome.limits);
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
    this.copilot?.end();
    if (nack.cid !== undefined) this.thread.refuse(nack.cid, nack.message);
    else this.notice(nack.message);
    this.show();
  }

  suggested(frame: SuggestionFrame): void {
    if (frame.t === "suggestion.delta") this.copilot?.delta(frame.d);
    else if (!this.copilot?.ready(frame.d)) this.notice(agentStrings.nothingToSuggest);
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
    const canWrite = me?.role !== "viewer";
    const isOpen = !isEnded && canWrite;
    const isSnoozed = thread.status === "snoozed";
    const look = isEnded ? "resolved" : isSnoozed ? "snoozed" : thread.control;
    this.dataset["control"] = look;
    this.piece("control").textContent = agentStrings.badge(thread);
    this.piece("control").dataset["control"] = look;
    this.piece("writing").hidden = thread.live === null;
    this.button("takeover").hidden = !isOpen || isMine;
    this.button("takeover").classList.toggle("primary", thread.control !== "human");
    this.button("takeover-after").hidden = !isOpen || thread.live === null || thread.assignee !== null;
    this.piece("release-menu").hidden = !isOpen || !isMine;
    this.piece("snooze-menu").hidden = !isOpen || isSnoozed || thread.live !== null;
    this.button("wake").hidden = !isOpen || !isSnoozed;
    this.button("resolve").hidden = !isOpen;
    this.button("reopen").hidden = !canWrite || thread.status !== "resolved";
    this.details?.show(thread, canWrite, isEnded);
    showRating(this.piece("rating"), thread.rating);
    this.showTyping();
    this.showClosed(canWrite);
    const can = { reply: isOpen, note: canWrite && thread.status !== "archived" };
    const reply = agentStrings.replyPlaceholder(thread, isMine);
    this.button("suggest").hidden = !can.reply;
    this.form?.show(can, { reply, note: agentStrings.notePlaceholder });
    const isPersons = isOpen && thread.control === "human";
    this.form?.offerDraft(isPersons ? this.stopped || halfAnswer(thread.items()) : "");
  }

  private showTyping(): void {
    const { thread } = this;
    const isColleague = thread.typing !== null && thread.typingBy === "agent";
    this.piece("typing").hidden = thread.typing === null || isColleague;
    this.piece("typing").textContent = agentStrings.customerTyping(this.customer);
    const collision = this.piece("collision");
    const isPending = thread.control === "bot" && thread.assignee !== null && thread.live !== null;
    collision.hidden = !isColleague && !isPending;
    if (isColleague) collision.textContent = agentStrings.colleagueTyping(thread.typing ?? "");
    else if (isPending) collision.textContent = agentStrings.pending(thread.assignee?.name ?? "");
  }

  private showClosed(canWrite: boolean): void {
    const { thread } = this;
    const closed = this.piece("closed");
    let text = "";
    if (!canWrite) text = agentStrings.readOnly;
    else if (thread.isBlocked) text = agentStrings.blocked;
    else if (thread.status === "archived") text = agentStrings.archived;
    else if (thread.status === "resolved") text = agentStrings.closed;
    else if (thread.status === "snoozed")
      text = thread.until ? agentStrings.snoozedUntil(when(thread.until)) : agentStrings.snoozed;
    closed.hidden = text === "";
    closed.textContent = text;
  }

  private act(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    if (!(button instanceof HTMLElement)) return;
    const { epoch } = this.thread;
    const c = this.conversation;
    switch (button.dataset["act"]) {
      case "takeover":
        this.stopped = this.thread.live?.text ?? "";
        this.realtime.send({ t: "takeover", c, epoch });
        this.form?.write("reply");
        this.form?.focus();
        break;
      case "takeover-after":
        this.realtime.send({ t: "takeover", c, epoch, mode: "after_answer" });
        break;
      case "release":
        this.stopped = "";
        this.realtime.send({ t: "release", c, epoch });
        break;
      case "release-answer":
        this.stopped = "";
        this.realtime.send({ t: "release", c, epoch, answer_last: true });
        break;
      case "suggest":
        this.form?.write("reply");
        this.copilot?.begin();
        this.realtime.send({ t: "suggest", c });
        break;
      case "snooze":
        if (button.dataset["until"] === "moment") this.snoozeUntilField(event);
        else this.snoozeUntil(snoozeMoment(button.dataset["until"] ?? "reply"));
        break;
      case "resolve":
      case "reopen":
      case "wake":
        this.realtime.send({ t: button.dataset["act"], c });
        break;
      case "block":
        this.realtime.send({ t: "block", c, on: !this.thread.isBlocked });
        break;
      case "details":
        this.toggleDetails();
        break;
    }
  }

  private snoozeUntil(moment: Date | null): void {
    const c = this.conversation;
    if (moment === null) this.realtime.send({ t: "snooze", c });
    else this.realtime.send({ t: "snooze", c, until: moment.toISOString() });
  }

  private snoozeUntilField(event: Event): void {
    const field = this.piece("snooze-moment", HTMLInputElement);
    const moment = new Date(field.value);
    const isToCome = moment.getTime() > Date.now(); // nothing chosen is not to come either
    field.setCustomValidity(isToCome ? "" : agentStrings.momentToCome);
    if (isToCome) return this.snoozeUntil(moment);
    event.stopPropagation(); // the menu stays open, for its field says what is wrong
    field.reportValidity();
  }

  private toggleDetails(): void {
    const isShown = this.toggleAttribute("data-details");
    this.one(".details-toggle", HTMLElement).setAttribute("aria-expanded", String(isShown));
  }

  private say(text: string, isNote: boolean, files: SentFile[] = []): void {
    const cid = newId();
    const c = this.conversation;
    if (!isNote) this.copilot?.sent();
    if (!isNote) this.stopped = "";
    this.thread.addPending({ cid, text, files, at: new Date().toISOString(), isNote });
    const named = files.length > 0 ? { files: files.map((file) => file.id) } : {};
    if (isNote) this.realtime.send({ t: "note", cid, c, text });
    else this.realtime.post({ t: "message.send", cid, c, text, ...named });
    this.typing.sent();
    this.show();
    this.sticky?.toEnd();
  }

  private retry(cid: string): void {
    const pending = this.thread.removePending(cid);
    if (pending) this.say(pending.text, pending.isNote ?? false, pending.files);
  }

  private markRead(): void {
    if (document.visibilityState !== "visible" || this.thread.lastSeq <= this.readUpTo) return;
    this.readUpTo = this.thread.lastSeq;
    this.realtime.send({ t: "read", c: this.conversation, s: this.readUpTo });
    // Nobody is told of what somebody has read; this page's own list must not call it new any more.
    const isNew = `a.row[href*="${this.conversation}"][data-unread], #news > [data-key^="${this.conversation}"]`;
    if (document.querySelector(isNew)) this.link.refreshList();
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

function address(file: SentFile): string {
  return `/dashboard/files/${file.id}`;
}

async function fetchFile(file: SentFile): Promise<Blob | null> {
  const answer = await fetch(address(file)).catch(() => null);
  return answer?.ok ? answer.blob() : null;
}

function when(moment: string): string {
  const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  return shown.format(new Date(moment));
}
