/** The chat window: what the visitor sees and presses; decides nothing. */

import { Announcer } from "../announcer.ts";
import { button, h, icon } from "../dom.ts";
import { DOWN, PERSON, SPARK, STOP } from "../icons.ts";
import { dots, MessageList } from "../message_view.ts";
import type { Previews } from "../previews.ts";
import type { Chip, ConversationSummary, Limits, SentFile, Team, Welcome } from "../protocol.ts";
import type { LinkState } from "../rt.ts";
import { StickyScroll } from "../scroll.ts";
import type { Strings } from "../strings.ts";
import type { Thread } from "../thread.ts";
import { Tray } from "../tray.ts";
import type { UploadTarget } from "../upload.ts";
import { Banner } from "./banner.ts";
import { Composer, isComposing } from "./composer.ts";
import type { Config } from "./config.ts";
import { Head } from "./head.ts";
import { clearOfKeyboard } from "./keyboard.ts";
import { ListView } from "./list_view.ts";
import type { ListActions } from "./list_view.ts";
import css from "./panel.css";
import type { PrechatForm } from "./prechat.ts";
import { RatingCard } from "./rating.ts";

export interface Actions extends ListActions {
  send(text: string, files: SentFile[]): void;
  stop(): void;
  person(): void;
  close(): void;
  retry(cid: string): void;
  choose(chip: Chip): void;
  typing(text: string): void;
  rate(score: number, comment: string): void;
  uploadTarget(): UploadTarget | null;
  save(file: SentFile): Promise<void>;
}

const FULL_SCREEN = "(max-width: 600px)";
const FOCUSABLE = "button:not(:disabled), a[href], input, textarea, [tabindex='0']";

export class Panel {
  readonly sheet = new CSSStyleSheet();
  readonly element: HTMLElement;
  readonly banner = new Banner();
  /** Whether the server refuses people it does not know. */
  needsSignIn = false;
  isOffline = false;

  readonly #gone = new AbortController();
  readonly #announcer = new Announcer();
  /** What a screen reader hears of the state; the messages have a place of their own. */
  readonly #status = h("p", { class: "visually-hidden", role: "status" });
  readonly #list: HTMLOListElement;
  readonly #log: HTMLElement;
  readonly #messages: MessageList;
  readonly #scroll: StickyScroll;
  readonly #composer: Composer;
  readonly #tray: Tray;
  readonly #rating: RatingCard;
  readonly #own: ListView;
  readonly #head: Head;
  readonly #welcome = h("div", { class: "welcome" });
  readonly #typist = h("span");
  readonly #typing = h("p", { class: "typing", hidden: true }, dots(), this.#typist);
  readonly #closing: HTMLElement;
  readonly #disclosure: HTMLElement;
  readonly #stopButton: HTMLButtonElement;
  readonly #personButton: HTMLButtonElement;
  readonly #jump: HTMLButtonElement;
  #prechat: PrechatForm | null = null;
  #botName: string;
  /** The newest item, and the newest that has been in view. */
  #newest: string | undefined;
  #seen: string | undefined;

  constructor(
    private readonly config: Config,
    private readonly strings: Strings,
    private readonly actions: Actions,
    previews: Previews,
    /** Of the same chat in another language; what is being written stays. */
    before?: Panel,
  ) {
    this.sheet.replaceSync(css);
    this.#botName = strings.assistant;
    this.#disclosure = h("p", { class: "disclosure", dir: "auto" }, strings.disclosure);
    this.#closing = h("p", { class: "closing", hidden: true }, strings.resolved);
    this.#list = h("ol", { class: "thread" });
    this.#rating = new RatingCard(strings, actions.rate);
    this.#head = new Head(strings, config.company);
    this.#own = new ListView(strings, {
      openConversation: (id) => this.#leaveList(() => actions.openConversation(id)),
      begin: () => this.#leaveList(() => actions.begin()),
      transcript: actions.transcript,
    });
    this.#stopButton = button("stop", [icon(...STOP), strings.stopShort], strings.stop);
    this.#personButton = button("person", [icon(...PERSON), strings.human]);
    this.#jump = button("jump", [icon(...DOWN), h("span", {}, strings.newMessages)]);
    const refresh = () => this.#composer.refresh();
    this.#tray = before ? before.#tray : new Tray(strings, actions.uploadTarget, refresh, previews);
    this.#tray.speak(strings, refresh);
    this.#composer = new Composer(strings, { send: actions.send, typing: actions.typing }, this.#tray);
    this.#composer.text = before?.draft ?? "";
    this.#log = h(
      "div",
      { class: "log", role: "log", "aria-live": "off", "aria-label": strings.messages, tabindex: "0" },
      this.#welcome,
      this.#list,
      this.#typing,
      this.#closing,
      this.#rating.element,
    );
    this.element = this.#build();
    this.#scroll = new StickyScroll(this.#log, (isAway) => this.#away(isAway));
    this.#messages = new MessageList(this.#list, {
      strings,
      language: strings.language,
      base: config.origin,
      own: "customer",
      botName: () => this.#botName,
      retry: (cid) => this.#andFocus(() => actions.retry(cid)),
      choose: (chip) => this.#andFocus(() => actions.choose(chip)),
      save: (file) => () => actions.save(file),
      previews,
    });
    this.#fillWelcome();
    this.#listen();
    if (!config.isInline) clearOfKeyboard(this.element, this.#gone.signal);
  }

  open(takesFocus: boolean): void {
    this.element.hidden = false;
    this.#composer.fit();
    this.#scroll.toEnd();
    if (this.config.isInline) return; // it was there all the time and takes no focus
    this.element.setAttribute("aria-modal", String(this.#isFull));
    if (takesFocus) this.#focus();
  }

  close(): void {
    this.element.hidden = true;
  }

  /** It will not be seen again. */
  remove(): void {
    this.#gone.abort();
    this.element.remove();
  }

  get hasFocus(): boolean {
    const { activeElement } = this.element.getRootNode() as ShadowRoot;
    return this.element.contains(activeElement);
  }

  /** Show this form instead of the place to write; null: one may write. */
  ask(form: PrechatForm | null): void {
    const hadFocus = this.hasFocus;
    this.#prechat?.element.remove();
    this.#prechat = form;
    if (form) this.#log.prepend(form.element);
    if (hadFocus) this.#focus();
  }

  /** What stands in the composer. */
  get draft(): string {
    return this.#composer.text;
  }

  set draft(text: string) {
    this.#composer.text = text;
  }

  /** Whether people are there; null: not known. */
  get team(): Team | null {
    return this.#head.team;
  }

  set team(team: Team | null) {
    this.#head.team = team;
  }

  /** What the server says about the bot. */
  introduce(bot: Welcome["bot"], limits: Limits): void {
    this.#botName = bot.name;
    this.#disclosure.textContent = bot.disclosure ?? this.strings.disclosure;
    this.#composer.setLimit(limits.text);
    this.#tray.setLimits(limits.files);
  }

  /** The visitor's conversations, for the list and for the mark at its button. */
  listOwn(conversations: ConversationSummary[], current: string | null, numUnread: number): void {
    this.#own.show(conversations, current);
    this.#head.menu.hidden = conversations.length === 0;
    this.#head.menu.classList.toggle("unread", numUnread > 0);
  }

  /** The history is on the screen; only what comes now is news. */
  knowHistory(thread: Thread): void {
    this.#announcer.skip(thread.items());
  }

  toEnd(): void {
    this.#scroll.toEnd();
  }

  /** Another person is here now. */
  forget(): void {
    this.draft = "";
    this.#tray.clear();
    this.#announcer.skip([]);
  }

  show(thread: Thread, link: LinkState): void {
    const { strings } = this;
    const items = thread.items();
    this.#messages.update(items, link === "online");
    this.#announcer.update(items, "customer");
    this.#head.show(thread, link, this.isOffline);
    this.#welcome.hidden = !thread.isEmpty;
    this.#typing.hidden = thread.typing === null;
    this.#typist.textContent = thread.typing === null ? "" : strings.typing(thread.typing);
    const isWaiting = items.some((item) => item.kind === "pending"); // it opens again with these
    this.#closing.hidden = thread.status !== "resolved" || isWaiting;
    this.#rating.show(thread);
    this.#stopButton.hidden = thread.live === null;
    this.#disclosure.hidden = thread.control !== "bot";
    this.#personButton.hidden = thread.control !== "bot" || thread.isEmpty;
    this.element.dataset["control"] = thread.status === "resolved" ? "over" : thread.control;
    this.element.toggleAttribute("data-refused", link === "refused");
    this.element.toggleAttribute("data-gone", thread.isAssigneeHere === false);
    this.#composer.setPlaceholder(
      thread.control === "bot" ? strings.placeholder : strings.placeholderHuman,
    );
    this.banner.stand(this.#obstacle(thread, link));
    this.#tellStatus(thread);
    this.#newest = items.at(-1)?.key;
    this.#scroll.follow();
  }

  /** What stands in the way of talking; empty: nothing. */
  #obstacle(thread: Thread, link: LinkState): string {
    const { strings } = this;
    if (link === "refused") return this.needsSignIn ? strings.signIn : strings.refused;
    if (!this.isOffline) return "";
    const waiting = thread.items().filter((item) => item.kind === "pending" && !item.pending.refusal);
    return strings.offlineCount(waiting.length);
  }

  #tellStatus(thread: Thread): void {
    const thinking = thread.live && !thread.live.text ? this.strings.thinking : "";
    const closed = thread.status === "resolved" ? this.strings.resolved : "";
    const told = this.banner.text || thinking || closed;
    if (this.#status.textContent !== told) this.#status.textContent = told;
  }

  /** Where the focus belongs; on a phone not in the field, or the keyboard would cover the rest. */
  #focus(): void {
    if (this.#prechat) this.#prechat.focus();
    else if (this.#isFull) this.#log.focus();
    else this.#composer.focus();
  }

  /** Do what takes away the button that was pressed. */
  #andFocus(act: () => void): void {
    act();
    this.#focus();
  }

  /** Leave the list for what was chosen in it. */
  #leaveList(act: () => void): void {
    this.#toggleList(false);
    this.#andFocus(act);
  }

  #toggleList(isShown: boolean): void {
    this.#log.inert = isShown; // it stands behind the list
    this.#own.toggle(isShown);
    this.#head.menu.setAttribute("aria-expanded", String(isShown));
  }

  #away(isAway: boolean): void {
    const { latest, newMessages } = this.strings;
    if (!isAway) this.#seen = this.#newest;
    const hasNews = this.#seen !== this.#newest;
    this.#jump.hidden = !isAway;
    this.#jump.classList.toggle("fresh", hasNews);
    this.#jump.setAttribute("aria-label", hasNews ? newMessages : latest);
  }

  #build(): HTMLElement {
    const { strings } = this;
    const tools = h("div", { class: "tools" }, this.#personButton, this.#stopButton);
    const label = strings.dialog(this.config.company);
    const role = this.config.isInline ? "region" : "dialog";
    const lang = strings.language;
    return h(
      "section",
      { class: "panel", role, "aria-label": label, lang, dir: strings.dir, hidden: true },
      this.#head.element,
      this.banner.element,
      h("div", { class: "body" }, this.#log, this.#jump, this.#own.element),
      tools,
      this.#tray.element,
      this.#composer.element,
      this.#disclosure,
      this.#announcer.region,
      this.#status,
    );
  }

  #fillWelcome(): void {
    const { strings } = this;
    const questions = h("div", { class: "questions" });
    for (const question of this.config.questions) {
      const ask = button("question", [question]);
      ask.dir = "auto";
      ask.addEventListener("click", () => this.#andFocus(() => this.actions.send(question, [])));
      questions.append(ask);
    }
    const mark = h("span", { class: "mark", "aria-hidden": "true" }, icon(...SPARK));
    const title = h("h2", { dir: "auto" }, this.config.title || strings.greetingTitle);
    const greeting = h("p", { dir: "auto" }, this.config.greeting || strings.greeting);
    this.#welcome.append(mark, title, greeting, questions);
  }

  #listen(): void {
    this.#tray.listen(this.element);
    this.#stopButton.addEventListener("click", () => this.#andFocus(() => this.actions.stop()));
    this.#personButton.addEventListener("click", () => this.#andFocus(() => this.actions.person()));
    this.#head.close.addEventListener("click", () => this.actions.close());
    this.#head.menu.addEventListener("click", () => this.#toggleList(!this.#own.isShown));
    this.#jump.addEventListener("click", () => this.#andFocus(() => this.#scroll.toEnd()));
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !isComposing(event)) this.#escape(event);
      else if (event.key === "Tab" && this.#isFull) this.#keepFocusInside(event);
    });
  }

  #escape(event: KeyboardEvent): void {
    if (this.#own.isShown) {
      this.#toggleList(false);
      this.#head.menu.focus();
    } else if (!this.config.isInline) {
      this.actions.close();
    } else {
      return;
    }
    event.stopPropagation();
  }

  get #isFull(): boolean {
    return !this.config.isInline && window.matchMedia(FULL_SCREEN).matches;
  }

  /** Full screen there is nothing behind the panel that one could see. */
  #keepFocusInside(event: KeyboardEvent): void {
    const all = this.element.querySelectorAll<HTMLElement>(FOCUSABLE);
    const visible = [...all].filter((element) => element.getClientRects().length > 0 && !element.closest("[inert]"));
    const [first, last] = [visible[0], visible.at(-1)];
    const root = this.element.getRootNode() as ShadowRoot;
    if (event.shiftKey && root.activeElement === first) last?.focus();
    else if (!event.shiftKey && root.activeElement === last) first?.focus();
    else return;
    event.preventDefault();
  }
}
