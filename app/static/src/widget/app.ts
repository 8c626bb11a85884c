/**
 * The chat itself: joins the connection, the state of the conversation and the panel.
 *
 * The widget shows one conversation, at first the visitor's newest. It has no id before its first
 * message is acknowledged.
 */

import type { Chip, MessageSend, Payloads, SentFile, ServerFrame, Welcome } from "../protocol.ts";
import { Realtime, socketUrl, wakeWithPage } from "../rt.ts";
import type { LinkState, Listeners } from "../rt.ts";
import type { Strings } from "../strings.ts";
import { Thread } from "../thread.ts";
import { TypingExpiry, TypingSender } from "../typing.ts";
import { Downloads } from "./downloads.ts";
import { catalogue } from "./catalogue.ts";
import { configOf } from "./config.ts";
import type { Config } from "./config.ts";
import { Conversations } from "./conversations.ts";
import { DetailsKeeper } from "./details.ts";
import { DraftSender } from "./draft.ts";
import { KeptMessages } from "./kept.ts";
import { forget, recall, remember } from "./memory.ts";
import { Panel } from "./panel.ts";
import { Reporter } from "./reporter.ts";
import { Self } from "./self.ts";
import type { Shell, WidgetApp } from "./shell.ts";

const OFFLINE_AFTER_MS = 3_000;
const EXPIRED = 4401;

class Chat implements WidgetApp, Listeners {
  isOpen = false;

  private thread = new Thread();
  private session: string | null;
  private panel: Panel;
  private readonly realtime: Realtime;
  private offlineTimer: number | null = null;
  private hasSpoken = false;
  private isHistoryKnown = true;
  private readonly own = new Conversations();
  private readonly kept: KeptMessages;
  /** The next message opens a conversation, also where another is open. */
  private isBeginning = false;
  private readonly typing = new TypingSender(() => {
    const { id } = this.thread;
    if (id) this.realtime.send({ t: "typing", c: id, on: true });
  });
  private readonly drafts = new DraftSender((text) => {
    const { id } = this.thread;
    this.realtime.send(id === null ? { t: "draft", text } : { t: "draft", c: id, text });
  });
  private readonly typingExpiry = new TypingExpiry();
  private readonly downloads: Downloads;
  private readonly reporter: Reporter;
  private readonly self: Self;
  private readonly details = new DetailsKeeper(
    (form) => this.panel.ask(form),
    (frame) => this.realtime.post(frame),
    () => this.strings,
  );
  private readonly config: Config;
  private isLeaving = false;

  private known: Welcome | null = null;

  constructor(
    private readonly shell: Shell,
    private strings: Strings,
  ) {
    this.config = configOf(shell);
    const { site, origin } = this.config;
    this.reporter = new Reporter(shell.emit);
    this.self = new Self(shell.emit, shell.held);
    this.session = recall(site)?.session ?? null;
    this.downloads = new Downloads(origin, site, () => this.session);
    this.realtime = new Realtime(socketUrl(origin), this);
    this.panel = this.furnish();
    this.kept = new KeptMessages(site);
    this.takeUp();
    wakeWithPage(this.realtime);
    this.realtime.start();
    this.show();
  }

  /** A panel in the language that is spoken now. */
  private furnish(): Panel {
    const { root } = this.shell;
    const panel = new Panel(this.config, this.strings, {
      send: (text, files) => this.say(text, { files }),
      stop: () => this.stop(),
      person: () => this.askForPerson(),
      close: () => this.close(),
      retry: (cid) => this.retry(cid),
      choose: (chip) => this.choose(chip),
      typing: (text) => this.typed(text),
      rate: (score, comment) => this.rate(score, comment),
      uploadTarget: () => this.downloads.target,
      save: (file) => this.save(`files/${file.id}`, file.name),
      openConversation: (id) => this.turnTo(id),
      begin: () => this.begin(),
      transcript: (format) => this.saveTranscript(format),
    });
    root.adoptedStyleSheets = [...root.adoptedStyleSheets.slice(0, 2), panel.sheet];
    root.append(panel.element);
    return panel;
  }

  open(): void {
    if (!this.isOpen) this.shell.emit("open", {});
    this.isOpen = true;
    this.shell.launcher.setAttribute("aria-expanded", "true");
    this.panel.open();
    this.keep();
    this.show();
  }

  close(): void {
    if (!this.isOpen) return;
    this.shell.emit("close", {});
    this.isOpen = false;
    this.shell.launcher.setAttribute("aria-expanded", "false");
    this.panel.close();
    this.shell.launcher.focus();
    this.keep();
  }

  hello() {
    const { site } = this.config;
    const page = location.href.slice(0, 2_000);
    const locale = this.strings.language;
    const base = { t: "hello", proto: 1, role: "widget", site, locale, page } as const;
    const known = { ...base, ...this.self.hello() };
    return this.session ? { ...known, session: this.session } : known;
  }

  send(text: string): void {
    if (this.details.isAsking) this.panel.draft = text; // sent when they have said who they are
    else this.say(text);
  }

  /** From now on this is who is speaking; what they said before comes along. */
  identify({ token }: { token: string }): void {
    if (token === this.self.token) return;
    this.self.token = token;
    this.reconnect();
  }

  attributes(values: Record<string, unknown>): void {
    this.self.learn(values);
    this.tellAttributes();
  }

  /** Nothing of this person stays here; the server is told as soon as it can be reached. */
  logout(): void {
    this.self.forget();
    this.details.forget();
    forget(this.config.site);
    this.hasSpoken = false;
    this.drop();
    this.isLeaving = this.session !== null && !this.realtime.send({ t: "logout" });
    if (!this.isLeaving) this.session = null;
    this.reconnect();
    this.show();
  }

  async speak(language: string): Promise<void> {
    this.strings = await catalogue(this.config.origin, language);
    const before = this.panel;
    this.panel = this.furnish();
    this.panel.draft = before.draft;
    this.details.ask();
    this.panel.needsSignIn = before.needsSignIn;
    before.element.remove();
    if (this.known) this.panel.introduce(this.known.bot, this.known.limits);
    this.panel.team = before.team;
    this.panel.knowHistory(this.thread);
    if (this.isOpen) this.panel.open();
    this.show();
  }

  destroy(): void {
    this.realtime.stop();
    this.panel.element.remove();
  }

  welcome(welcome: Welcome): void {
    if (this.isLeaving) return this.logout();
    if (welcome.session && this.session) this.drop(); // somebody else was here before
    if (welcome.session) this.session = welcome.session;
    this.self.judge(welcome.identity);
    this.tellAttributes();
    this.known = welcome;
    this.panel.introduce(welcome.bot, welcome.limits);
    this.details.welcome(welcome.prechat);
    this.panel.team = welcome.team ?? null;
    this.drafts.limits = welcome.drafts;
    this.own.take(welcome.conversations ?? []);
    const newest = welcome.conversations?.[0];
    if (newest && this.thread.id === null && !this.isBeginning) this.openOld(newest.id);
    for (const one of welcome.conversations ?? []) this.own.thread(one.id)?.meet(one);
    this.keep();
    this.show();
  }

  link(state: LinkState, code: number | null, reason: string): void {
    this.panel.needsSignIn = reason.startsWith("identity_");
    if (state === "refused" && this.panel.needsSignIn) {
      this.self.fail({ code: reason, message: "this site chats with people it knows only" });
    } else if (state === "refused" && code === EXPIRED && this.session) {
      if (reason === "logged_out") this.self.forget();
      return this.startOver();
    }
    const isDown = state === "waiting" || state === "connecting";
    if (isDown && this.offlineTimer === null) {
      this.offlineTimer = window.setTimeout(() => this.panel.setOffline(true), OFFLINE_AFTER_MS);
    } else if (!isDown) {
      if (this.offlineTimer !== null) window.clearTimeout(this.offlineTimer);
      this.offlineTimer = null;
      this.panel.setOffline(false);
    }
    this.show();
  }

  changed(conversation: string): void {
    if (conversation !== this.thread.id) return this.show();
    if (!this.isHistoryKnown) this.panel.knowHistory(this.thread);
    this.isHistoryKnown = true;
    this.typingExpiry.watch(this.thread, () => this.show());
    this.show();
  }

  frame(frame: ServerFrame): void {
    if (frame.t === "team") this.panel.team = frame.d;
    this.own.note(frame);
    const isBegun = frame.c !== undefined && frame.s === 1 && frame.t === "message.created";
    const isOurs = isBegun && (this.thread.isEmpty || this.thread.waits(frame.d.message.cid));
    if (isOurs && frame.c !== undefined && this.thread.id === null) this.adopt(frame.c).receive(frame);
    this.show();
  }

  ack(ack: Payloads["ack"]): void {
    if (ack.cid !== undefined) this.kept.remove(ack.cid);
    if (ack.c === undefined || ack.c === this.thread.id) return;
    const isOurs = this.thread.waits(ack.cid);
    if (isOurs && this.thread.id === null) this.adopt(ack.c).sync(0);
    else if (isOurs && ack.cid !== undefined) this.thread.removePending(ack.cid);
  }

  nack(nack: Payloads["nack"], conversation: string | undefined): void {
    if (this.self.isRefused(nack) || this.details.isRefused(nack)) return;
    // A message that overtook the details after a reconnect goes out once more, behind them.
    if (nack.code === "details_required" && nack.cid !== undefined && this.details.hasTold) {
      return this.retry(nack.cid);
    }
    if (nack.cid !== undefined) this.kept.remove(nack.cid);
    const isGone = nack.code === "closed" || nack.code === "not_found";
    if (isGone && conversation !== undefined && conversation === this.thread.id) {
      this.moveOn(); // it has ended for good: what still waits opens the next one
    } else if (nack.cid === undefined || !this.thread.refuse(nack.cid, nack.message)) {
      this.panel.notice(nack.message);
    }
    this.show();
  }

  private adopt(id: string) {
    this.thread.id = id;
    this.isBeginning = false;
    this.own.keep(id, this.thread);
    return this.realtime.follow(id, this.thread);
  }

  /** Show a conversation that this page has not shown yet. */
  private openOld(id: string): void {
    const listed = this.own.find(id);
    if (listed) this.thread.meet(listed);
    this.isHistoryKnown = false;
    this.adopt(id).sync(0);
  }

  /** Show another conversation of this visitor; what waits in this one is sent all the same. */
  private turnTo(id: string): void {
    const known = this.own.thread(id);
    this.thread = known ?? new Thread();
    this.isBeginning = false;
    if (known) this.panel.knowHistory(known);
    else this.openOld(id);
    this.show();
    this.panel.toEnd();
  }

  private begin(): void {
    this.thread = new Thread();
    this.isBeginning = true;
    this.show();
  }

  /** Send what an earlier visit of this page wrote and could not send. */
  private takeUp(): void {
    for (const { frame, pending } of this.kept.all()) {
      this.thread.addPending(pending);
      this.hasSpoken = true;
      this.realtime.post(frame);
    }
  }

  private leave(): void {
    if (this.thread.id !== null) this.realtime.unfollow(this.thread.id);
    this.thread = new Thread();
  }

  /** Say hello again, as whoever it is now. */
  private reconnect(): void {
    this.realtime.stop();
    this.realtime.start();
  }

  private tellAttributes(): void {
    const frame = this.self.frame();
    if (frame) this.realtime.send(frame);
  }

  /** Leave the conversation, with what has not been sent: it is another person's. */
  private drop(): void {
    for (const { cid } of this.thread.takePending()) this.withdraw(cid);
    for (const { frame } of this.kept.all()) this.withdraw(frame.cid);
    this.own.clear();
    this.leave();
  }

  /** The stored session is no longer known: begin as a new visitor. */
  private startOver(): void {
    forget(this.config.site);
    this.session = null;
    this.realtime.stop();
    this.own.clear();
    this.moveOn();
    this.realtime.start();
  }

  /** Leave the conversation with what has not been sent, in its order. */
  private moveOn(): void {
    const waiting = this.thread.takePending();
    this.leave();
    for (const { cid } of waiting) this.withdraw(cid);
    for (const { text, files } of waiting) this.say(text, { files });
  }

  private withdraw(cid: string): void {
    this.kept.remove(cid);
    this.realtime.withdraw(cid);
  }

  private say(text: string, more: { chip?: Chip; files?: SentFile[] | undefined } = {}): void {
    const cid = crypto.randomUUID();
    const files = more.files ?? [];
    const pending = { cid, text, files, at: new Date().toISOString() };
    this.thread.addPending(pending);
    const named = files.length > 0 ? { files: files.map((file) => file.id) } : {};
    const chosen = more.chip ? { chip: more.chip } : {};
    const anew = this.isBeginning ? { begin: true } : {};
    const where = this.thread.id === null ? anew : { c: this.thread.id };
    const frame: MessageSend = { t: "message.send", cid, text, ...where, ...chosen, ...named };
    this.isBeginning = false; // what is written next goes on there
    this.kept.add({ frame, pending });
    this.realtime.post(frame);
    this.typing.sent();
    this.drafts.sent();
    this.hasSpoken = true;
    this.keep();
    this.show();
    this.panel.toEnd();
  }

  private typed(text: string): void {
    this.typing.typed();
    const { id, control, live } = this.thread;
    if (id === null || (control === "bot" && !live)) this.drafts.typed(text);
  }

  private rate(score: number, comment: string): void {
    const c = this.thread.id;
    if (c === null) return;
    const said = comment ? { comment } : {};
    this.realtime.post({ t: "csat.submit", cid: crypto.randomUUID(), c, score, ...said });
    this.show();
  }

  private retry(cid: string): void {
    const pending = this.thread.removePending(cid);
    if (pending) this.say(pending.text, { files: pending.files });
  }

  private async save(path: string, name: string): Promise<void> {
    if (!(await this.downloads.save(path, name))) this.panel.notice(this.strings.files.notSaved);
  }

  private saveTranscript(format: "txt" | "html"): void {
    const { id } = this.thread;
    if (id === null) return;
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const path = `conversations/${id}/transcript?as=${format}&tz=${encodeURIComponent(zone)}`;
    void this.save(path, `conversation.${format}`);
  }

  private stop(): void {
    const { id, live } = this.thread;
    if (id && live) this.realtime.send({ t: "answer.stop", c: id, gen: live.gen });
  }

  private askForPerson(): void {
    const { id } = this.thread;
    if (id) this.realtime.send({ t: "handoff.request", c: id });
    else this.say(this.strings.human);
  }

  private choose(chip: Chip): void {
    if (chip === "human") this.askForPerson();
    else this.say(this.strings.chipTexts[chip], { chip });
  }

  /** Remember the session once the visitor has said something, and from then on what is open. */
  private keep(): void {
    const { site } = this.config;
    if (!this.session || !(this.hasSpoken || recall(site))) return;
    remember(site, { session: this.session, isOpen: this.isOpen });
  }

  private show(): void {
    this.own.update(this.thread);
    this.panel.show(this.thread, this.realtime.state);
    const isSeen = this.isOpen && document.visibilityState === "visible";
    if (isSeen) this.markRead();
    const read = this.own.readOf(this.thread.id);
    const unread = this.thread.items().filter((item) => {
      if (item.kind !== "message" || item.message.s <= read) return false;
      return item.message.role === "bot" || item.message.role === "agent";
    });
    this.panel.listOwn(this.own.all(), this.thread.id, this.own.unreadBeside(this.thread.id));
    const count = (isSeen ? 0 : unread.length) + this.own.unreadBeside(this.thread.id);
    this.shell.setUnread(count, count > 0 ? this.strings.launcherUnread(count) : this.strings.launcher);
    this.reporter.count(count);
    this.reporter.update(this.thread, this.isHistoryKnown);
  }

  private markRead(): void {
    const { id, lastSeq } = this.thread;
    if (!id || lastSeq <= this.own.readOf(id)) return;
    this.own.setRead(id, lastSeq);
    this.realtime.send({ t: "read", c: id, s: lastSeq });
  }
}

export async function mount(shell: Shell): Promise<WidgetApp> {
  return new Chat(shell, await catalogue(shell.tag.origin, shell.language));
}
