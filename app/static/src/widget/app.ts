/**
 * The chat itself: joins the connection, the conversation on the screen and the panel, and decides
 * nothing that one of them could.
 */

import { Previews } from "../previews.ts";
import { problemText } from "../problems.ts";
import type { Chip, Payloads, SentFile, ServerFrame, Welcome } from "../protocol.ts";
import { Realtime, socketUrl, wakeWithPage } from "../rt.ts";
import type { LinkState, Listeners } from "../rt.ts";
import type { Strings } from "../strings.ts";
import { TypingExpiry } from "../typing.ts";
import { newId } from "../uuid.ts";
import { catalogue } from "./catalogue.ts";
import { configOf } from "./config.ts";
import type { Config } from "./config.ts";
import { Conversations } from "./conversations.ts";
import { Current } from "./current.ts";
import { DetailsKeeper } from "./details.ts";
import { Downloads } from "./downloads.ts";
import { FocusKeeper } from "./focus.ts";
import { OfflineWatch } from "./offline.ts";
import { Outgoing } from "./outgoing.ts";
import { Panel } from "./panel.ts";
import { Reading } from "./reading.ts";
import { Reporter } from "./reporter.ts";
import { Self } from "./self.ts";
import type { Shell, WidgetApp } from "./shell.ts";
import { Visit } from "./visit.ts";

const EXPIRED = 4401;

class Chat implements WidgetApp, Listeners {
  isOpen = false;

  readonly #config: Config;
  readonly #visit: Visit;
  readonly #realtime: Realtime;
  readonly #own = new Conversations();
  readonly #current: Current;
  readonly #outgoing: Outgoing;
  readonly #downloads: Downloads;
  readonly #previews = new Previews((file) => this.#downloads.fetch(`files/${file.id}`));
  readonly #reporter: Reporter;
  readonly #self: Self;
  readonly #details = new DetailsKeeper(
    (form) => this.#panel.ask(form),
    (frame) => this.#realtime.post(frame),
    () => this.strings,
    () => this.#outgoing.retryAll(),
  );
  readonly #reading: Reading;
  readonly #focus: FocusKeeper;
  readonly #offline = new OfflineWatch(() => this.#show());
  readonly #typingExpiry = new TypingExpiry();
  readonly #ended = new AbortController();
  #panel: Panel;
  #known: Welcome | null = null;
  #isLeaving = false;
  #lastRating: string | null = null;
  #numWishes = 0;

  constructor(
    private readonly shell: Shell,
    private strings: Strings,
  ) {
    this.#config = configOf(shell);
    const { site, origin } = this.#config;
    this.#visit = new Visit(site);
    this.#reporter = new Reporter(shell.emit);
    this.#self = new Self(shell.emit, shell.held);
    this.#downloads = new Downloads(origin, site, () => this.#visit.session);
    this.#realtime = new Realtime(socketUrl(origin), this);
    this.#current = new Current(this.#own, this.#realtime);
    this.#outgoing = new Outgoing(site, this.#current, this.#realtime);
    this.#reading = new Reading(this.#own, this.#realtime);
    this.#focus = new FocusKeeper(shell);
    this.#panel = this.#furnish();
    this.#outgoing.takeUp();
    const { signal } = this.#ended;
    wakeWithPage(this.#realtime, signal);
    document.addEventListener("visibilitychange", () => this.#show(), { signal });
    const isBound = () => this.#outgoing.hasSpoken || this.#self.token !== null;
    this.#visit.share(isBound, () => this.#beginAgain(), signal);
    this.#realtime.start();
    this.#show();
  }

  open(isRestored = false): void {
    if (!this.isOpen) this.shell.emit("open", {});
    if (!this.isOpen) this.#focus.taken();
    this.isOpen = true;
    this.shell.launcher.setAttribute("aria-expanded", "true");
    this.#panel.open(!isRestored);
    this.#visit.keep(this.isOpen, this.#outgoing.hasSpoken);
    this.#show();
  }

  close(): void {
    if (!this.isOpen) return;
    const { hasFocus } = this.#panel;
    this.isOpen = false;
    this.shell.emit("close", {});
    this.shell.launcher.setAttribute("aria-expanded", "false");
    this.#panel.close();
    if (hasFocus) this.#focus.giveBack();
    this.#visit.keep(this.isOpen, this.#outgoing.hasSpoken);
    this.#show();
  }

  send(text: string): void {
    if (this.#details.isAsking) this.#panel.draft = text; // sent when they have said who they are
    else this.#say(text);
  }

  /** From now on this is who is speaking; what they said before comes along. */
  identify({ token }: { token: string }): void {
    if (token === this.#self.token) return;
    this.#self.token = token;
    this.#reconnect();
  }

  attributes(values: Record<string, unknown>): void {
    this.#self.learn(values);
    this.#tellAttributes();
  }

  /** Nothing of this person stays here; the server is told as soon as it can be reached. */
  logout(): void {
    this.#isLeaving = this.#visit.session !== null && !this.#realtime.send({ t: "logout" });
    const { session } = this.#visit;
    this.#forget();
    if (this.#isLeaving) this.#visit.session = session;
    this.#reconnect();
    this.#show();
  }

  async speak(language: string): Promise<void> {
    const number = ++this.#numWishes;
    const strings = await catalogue(this.#config.origin, language);
    if (number !== this.#numWishes) return; // another wish was faster
    this.strings = strings;
    const panel = this.#panel;
    const { hasFocus } = panel;
    this.#panel = this.#furnish(panel);
    this.#panel.needsSignIn = panel.needsSignIn;
    this.#panel.team = panel.team;
    panel.remove();
    this.#details.ask();
    if (this.#known) this.#panel.introduce(this.#known.bot, this.#known.limits);
    this.#panel.knowHistory(this.#current.thread);
    if (this.isOpen) this.#panel.open(hasFocus);
    this.#show();
  }

  destroy(): void {
    this.#ended.abort();
    this.#realtime.stop();
    this.#offline.stop();
    this.#panel.remove();
  }

  hello() {
    const { site } = this.#config;
    const { session } = this.#visit;
    const page = location.href.slice(0, 2_000);
    const locale = this.strings.language;
    const base = { t: "hello", proto: 1, role: "widget", site, locale, page } as const;
    const known = { ...base, ...this.#self.hello() };
    return session === null ? known : { ...known, session };
  }

  welcome(welcome: Welcome): void {
    if (this.#isLeaving) return this.logout();
    if (welcome.session && this.#visit.renew(welcome.session)) this.#drop();
    this.#self.judge(welcome.identity);
    this.#tellAttributes();
    this.#known = welcome;
    this.#panel.introduce(welcome.bot, welcome.limits);
    this.#details.welcome(welcome.prechat);
    this.#panel.team = welcome.team ?? null;
    this.#outgoing.drafts.limits = welcome.drafts;
    const listed = welcome.conversations ?? [];
    this.#reading.take(listed);
    this.#current.resume(listed[0]);
    for (const one of listed) this.#own.thread(one.id)?.meet(one);
    this.#visit.keep(this.isOpen, this.#outgoing.hasSpoken);
    this.#show();
  }

  link(state: LinkState, code: number | null, reason: string): void {
    this.#panel.needsSignIn = reason.startsWith("identity_");
    if (state === "refused" && this.#panel.needsSignIn) {
      this.#self.fail({ code: reason, message: "this site chats with people it knows only" });
    } else if (state === "refused" && code === EXPIRED && this.#visit.session !== null) {
      if (reason === "logged_out") this.#forget();
      else this.#visit.lose();
      return this.#beginAgain();
    }
    this.#offline.watch(state);
    this.#show();
  }

  changed(conversation: string): void {
    const current = this.#current;
    const thread = this.#own.thread(conversation);
    if (thread) this.#own.update(thread);
    if (thread === current.thread) {
      if (!current.isHistoryKnown) this.#panel.knowHistory(thread);
      current.isHistoryKnown = true;
      this.#typingExpiry.watch(thread, () => this.#show());
    }
    this.#show();
  }

  frame(frame: ServerFrame): void {
    if (frame.t === "team") this.#panel.team = frame.d;
    this.#own.note(frame);
    const isBegun = frame.c !== undefined && frame.s === 1 && frame.t === "message.created";
    if (isBegun && frame.c !== undefined && this.#current.isBegunBy(frame.d.message.cid))
      this.#current.adopt(frame.c).receive(frame);
    this.#show();
  }

  ack(ack: Payloads["ack"]): void {
    this.#outgoing.settle(ack.cid);
    const { thread } = this.#current;
    if (ack.c === undefined || ack.c === thread.id || !thread.waits(ack.cid)) return;
    if (thread.id === null) return void this.#current.adopt(ack.c).sync(0);
    if (ack.cid !== undefined) thread.removePending(ack.cid);
    this.#turnTo(ack.c); // it was taken elsewhere, and there its writer wants to be
  }

  nack(nack: Payloads["nack"], conversation: string | undefined): void {
    if (this.#self.isRefused(nack) || this.#details.isRefused(nack)) return;
    // It overtook the details after a reconnect, or they are still being asked for.
    if (nack.code === "details_required" && nack.cid !== undefined) {
      return this.#details.hasTold ? this.#outgoing.retry(nack.cid) : undefined;
    }
    this.#outgoing.settle(nack.cid);
    const isGone = nack.code === "closed" || nack.code === "not_found";
    if (isGone && conversation !== undefined) this.#leaveGone(conversation);
    else this.#tellRefusal(nack);
    this.#show();
  }

  /** A panel in the language that is spoken now. */
  #furnish(before?: Panel): Panel {
    const { root } = this.shell;
    const actions = {
      send: this.#say.bind(this),
      stop: () => this.#stop(),
      person: () => this.#askForPerson(),
      close: () => this.close(),
      retry: (cid: string) => this.#after(() => this.#outgoing.retry(cid)),
      choose: (chip: Chip) => this.#choose(chip),
      typing: (text: string) => this.#outgoing.typed(text),
      rate: (score: number, comment: string) => this.#rate(score, comment),
      uploadTarget: () => this.#downloads.target,
      save: (file: SentFile) =>
        this.#tellSaved(this.#downloads.save(`files/${file.id}`, file.name)),
      openConversation: (id: string) => this.#turnTo(id),
      begin: () => this.#after(() => this.#current.begin()),
      transcript: (format: "txt" | "html") => this.#saveTranscript(format),
    };
    const panel = new Panel(this.#config, this.strings, actions, this.#previews, before);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets.slice(0, 2), panel.sheet];
    root.append(panel.element);
    return panel;
  }

  #say(text: string, files: SentFile[] = []): void {
    this.#after(() => this.#outgoing.say(text, { files }));
    this.#visit.keep(this.isOpen, this.#outgoing.hasSpoken);
  }

  #choose(chip: Chip): void {
    if (chip === "human") return this.#askForPerson();
    this.#after(() => this.#outgoing.say(this.strings.chipTexts[chip], { chip }));
  }

  /** By name where that can be said at once, else in words, which wait for the connection. */
  #askForPerson(): void {
    const { id } = this.#current.thread;
    if (id === null || !this.#realtime.send({ t: "handoff.request", c: id })) this.#say(this.strings.human);
  }

  #stop(): void {
    const { id, live } = this.#current.thread;
    if (id && live) this.#realtime.send({ t: "answer.stop", c: id, gen: live.gen });
  }

  #rate(score: number, comment: string): void {
    const c = this.#current.thread.id;
    if (c === null) return;
    this.#lastRating = newId();
    const said = comment ? { comment } : {};
    this.#realtime.post({ t: "csat.submit", cid: this.#lastRating, c, score, ...said });
    this.#show();
  }

  #turnTo(id: string): void {
    this.#after(() => this.#current.turnTo(id));
    if (this.#current.isHistoryKnown) this.#panel.knowHistory(this.#current.thread);
  }

  /** Act, and show what came of it. */
  #after(act: () => void): void {
    act();
    this.#show();
    this.#panel.toEnd();
  }

  async #tellSaved(saved: Promise<boolean>): Promise<void> {
    if (!(await saved)) this.#panel.banner.tell(this.strings.files.notSaved);
  }

  #saveTranscript(format: "txt" | "html"): void {
    const { id } = this.#current.thread;
    if (id !== null) void this.#tellSaved(this.#downloads.saveTranscript(id, format));
  }

  #tellRefusal({ cid, code, message }: Payloads["nack"]): void {
    const { rating, files } = this.strings;
    const text = problemText(this.strings, code, message, files.failed);
    if (cid !== undefined && cid === this.#lastRating) this.#panel.banner.tell(rating.refused);
    else if (cid === undefined || !this.#current.thread.refuse(cid, text)) this.#panel.banner.tell(text);
  }

  /** It has ended for good: what still waits opens the next one. */
  #leaveGone(conversation: string): void {
    if (conversation === this.#current.thread.id) this.#outgoing.moveOn();
    this.#realtime.unfollow(conversation);
    this.#own.remove(conversation);
  }

  /** Say hello again, as whoever it is now. */
  #reconnect(): void {
    this.#realtime.stop();
    this.#realtime.start();
  }

  /** Begin in another session, with what has not been sent. */
  #beginAgain(): void {
    this.#realtime.stop();
    this.#realtime.unfollowAll();
    this.#own.clear();
    this.#outgoing.moveOn();
    this.#realtime.start();
  }

  /** Leave the conversation, with what has not been sent: it is another person's. */
  #drop(): void {
    this.#outgoing.drop();
    this.#realtime.unfollowAll();
    this.#own.clear();
    this.#previews.forget();
    this.#current.leave();
  }

  /** Nothing of this person stays here. */
  #forget(): void {
    this.#self.forget();
    this.#details.forget();
    this.#visit.end();
    this.#drop();
    this.#panel.forget();
  }

  #tellAttributes(): void {
    const frame = this.#self.frame();
    if (frame) this.#realtime.send(frame);
  }

  #show(): void {
    const own = this.#own;
    const current = this.#current;
    const { isOpen } = this;
    const { thread } = current;
    own.update(thread);
    const isSeen = isOpen && document.visibilityState === "visible";
    if (isSeen) this.#reading.see(thread);
    this.#panel.isOffline = this.#offline.isOffline;
    this.#panel.show(thread, this.#realtime.state);
    this.#panel.listOwn(own.all(), thread.id, own.unreadBeside(thread.id));
    const count = this.#reading.count(thread);
    this.shell.setUnread(count, count > 0 ? this.strings.launcherUnread(count) : this.strings.launcher);
    this.#reporter.count(count);
    this.#reporter.update(thread, current.isHistoryKnown);
  }
}

export async function mount(shell: Shell): Promise<WidgetApp> {
  return new Chat(shell, await catalogue(shell.tag.origin, shell.language));
}
