/** The chat window: what the visitor sees and presses; decides nothing. */

import { Announcer } from "../announcer.ts";
import { h, icon } from "../dom.ts";
import { CLOSE, DOWN, MENU, PERSON, SPARK, STOP } from "../icons.ts";
import { MessageList } from "../message_view.ts";
import type { Chip, ConversationSummary, Limits, SentFile, Team, Welcome } from "../protocol.ts";
import type { LinkState } from "../rt.ts";
import { StickyScroll } from "../scroll.ts";
import type { Strings } from "../strings.ts";
import type { Thread } from "../thread.ts";
import { Tray } from "../tray.ts";
import type { UploadTarget } from "../upload.ts";
import { Composer } from "./composer.ts";
import { ListView } from "./list_view.ts";
import type { ListActions } from "./list_view.ts";
import css from "./panel.css";
import type { PrechatForm } from "./prechat.ts";
import { RatingCard } from "./rating.ts";
import type { Config } from "./config.ts";

export interface Actions {
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

type AllActions = Actions & ListActions;

const FULL_SCREEN = "(max-width: 600px)";
const FOCUSABLE = "button:not(:disabled), a[href], textarea, [tabindex='0']";

export class Panel {
  readonly sheet = new CSSStyleSheet();
  readonly element: HTMLElement;
  /** Whether the server refuses people it does not know. */
  needsSignIn = false;
  /** Whether people are there; null: not known. */
  team: Team | null = null;

  private readonly announcer = new Announcer();
  private readonly list: HTMLOListElement;
  private readonly log: HTMLElement;
  private readonly messages: MessageList;
  private readonly scroll: StickyScroll;
  private readonly composer: Composer;
  private readonly tray: Tray;
  private readonly rating: RatingCard;
  private readonly own: ListView;
  private readonly menu: HTMLButtonElement;
  private readonly name = h("p", { class: "name" });
  private readonly state = h("p", { class: "state" });
  private readonly banner = h("p", { class: "banner", role: "status", hidden: true });
  private readonly welcome = h("div", { class: "welcome" });
  private readonly typing = h("p", { class: "typing", hidden: true });
  private readonly closing = h("p", { class: "closing", hidden: true });
  private readonly disclosure: HTMLElement;
  private readonly stopButton: HTMLButtonElement;
  private readonly personButton: HTMLButtonElement;
  private readonly jump: HTMLButtonElement;
  private prechat: PrechatForm | null = null;
  private isOffline = false;
  private botName: string;

  constructor(
    private readonly config: Config,
    private readonly strings: Strings,
    private readonly actions: AllActions,
  ) {
    this.sheet.replaceSync(css);
    this.botName = strings.assistant;
    this.disclosure = h("p", { class: "disclosure", dir: "auto" }, strings.disclosure);
    this.list = h("ol", { class: "thread" });
    this.rating = new RatingCard(strings, actions.rate);
    this.menu = button("menu", [icon(...MENU)], strings.conversations.title);
    this.own = new ListView(strings, {
      openConversation: (id) => this.choose(() => actions.openConversation(id)),
      begin: () => this.choose(() => actions.begin()),
      transcript: actions.transcript,
    });
    this.stopButton = button("stop", [icon(...STOP), strings.stopShort], strings.stop);
    this.personButton = button("person", [icon(...PERSON), strings.human]);
    this.jump = button("jump", [icon(...DOWN), strings.newMessages]);
    this.tray = new Tray(strings, actions.uploadTarget, () => this.composer.refresh());
    this.composer = new Composer(strings, { send: actions.send, typing: actions.typing }, this.tray);
    this.log = h(
      "div",
      { class: "log", role: "log", "aria-live": "off", "aria-label": strings.messages, tabindex: "0" },
      this.welcome,
      this.list,
      this.typing,
      this.closing,
      this.rating.element,
    );
    this.element = this.build();
    this.scroll = new StickyScroll(this.log, (isAway) => (this.jump.hidden = !isAway));
    this.messages = new MessageList(this.list, {
      strings,
      language: strings.language,
      base: config.origin,
      own: "customer",
      botName: () => this.botName,
      retry: actions.retry,
      choose: actions.choose,
      save: (file) => () => actions.save(file),
    });
    this.fillWelcome();
    this.listen();
  }

  open(): void {
    this.element.hidden = false;
    this.scroll.toEnd();
    if (this.config.isInline) return; // it was there all the time and takes no focus
    this.element.setAttribute("aria-modal", String(this.isFull));
    (this.prechat ?? this.composer).focus();
  }

  close(): void {
    this.element.hidden = true;
  }

  /** Show this form instead of the place to write; null: one may write. */
  ask(form: PrechatForm | null): void {
    this.prechat?.element.remove();
    this.prechat = form;
    if (form) this.log.prepend(form.element);
    if (form && !this.element.hidden && !this.config.isInline) form.focus();
  }

  /** What stands in the composer. */
  get draft(): string {
    return this.composer.text;
  }

  set draft(text: string) {
    this.composer.text = text;
  }

  /** What the server says about the bot. */
  introduce(bot: Welcome["bot"], limits: Limits): void {
    this.botName = bot.name;
    this.disclosure.textContent = bot.disclosure ?? this.strings.disclosure;
    this.composer.setLimit(limits.text);
    this.tray.setLimits(limits.files);
  }

  setOffline(isOffline: boolean): void {
    this.isOffline = isOffline;
    if (isOffline) this.banner.textContent = this.strings.offlineCount(0);
    this.banner.hidden = !isOffline;
  }

  /** The visitor's conversations, for the list and for the mark at its button. */
  listOwn(conversations: ConversationSummary[], current: string | null, numUnread: number): void {
    this.own.show(conversations, current);
    this.menu.hidden = conversations.length === 0;
    this.menu.classList.toggle("unread", numUnread > 0);
  }

  notice(text: string): void {
    this.banner.textContent = text;
    this.banner.hidden = false;
  }

  /** The history is on the screen; only what comes now is news. */
  knowHistory(thread: Thread): void {
    this.announcer.skip(thread.items());
  }

  toEnd(): void {
    this.scroll.toEnd();
  }

  show(thread: Thread, link: LinkState): void {
    const { strings } = this;
    const items = thread.items();
    this.messages.update(items, link === "online");
    this.announcer.update(items, "customer");
    this.welcome.hidden = !thread.isEmpty;
    this.typing.hidden = thread.typing === null;
    this.typing.textContent = thread.typing === null ? "" : strings.typing(thread.typing);
    this.closing.hidden = thread.status !== "resolved";
    this.closing.textContent = strings.resolved;
    this.rating.show(thread);
    this.stopButton.hidden = thread.live === null;
    this.disclosure.hidden = thread.control !== "bot";
    this.personButton.hidden = thread.control !== "bot" || thread.isEmpty;
    this.name.textContent = this.config.company;
    this.state.textContent = this.stateLine(thread, link);
    this.element.dataset["control"] = thread.control;
    this.element.toggleAttribute("data-gone", thread.isAssigneeHere === false);
    this.composer.setPlaceholder(
      thread.control === "bot" ? strings.placeholder : strings.placeholderHuman,
    );
    const numWaiting = items.filter((item) => item.kind === "pending" && !item.pending.refusal).length;
    if (this.isOffline) this.banner.textContent = strings.offlineCount(numWaiting);
    if (link === "refused") this.notice(this.needsSignIn ? strings.signIn : strings.refused);
    else if (!this.isOffline && link === "online") this.banner.hidden = true;
    this.scroll.follow();
  }

  private stateLine(thread: Thread, link: LinkState): string {
    const { strings } = this;
    if (link === "connecting" && thread.isEmpty) return strings.connecting;
    if (thread.status === "resolved") return strings.resolvedState;
    if (thread.control === "queue") return this.waitingLine();
    if (thread.control === "bot") return strings.online;
    if (!thread.assignee) return strings.withSomebody;
    const { name } = thread.assignee;
    if (thread.isAssigneeHere === null) return strings.withPerson(name);
    return thread.isAssigneeHere ? strings.presence.here(name) : strings.presence.away(name);
  }

  /** No more is promised than somebody can keep. */
  private waitingLine(): string {
    const { presence, language, waitingForPerson } = this.strings;
    if (this.team === null || this.team.available) return waitingForPerson;
    if (this.team.opens_at === undefined) return presence.nobody;
    const shown = new Intl.DateTimeFormat(language, { weekday: "long", hour: "2-digit", minute: "2-digit" });
    return presence.back(shown.format(new Date(this.team.opens_at)));
  }

  /** Leave the list for what was chosen in it. */
  private choose(act: () => void): void {
    this.toggleList(false);
    act();
    this.composer.focus();
  }

  private toggleList(isShown: boolean): void {
    this.own.toggle(isShown);
    this.menu.setAttribute("aria-expanded", String(isShown));
  }

  private build(): HTMLElement {
    const { strings } = this;
    const close = button("close", [icon(...CLOSE)], strings.close);
    close.addEventListener("click", () => this.actions.close());
    const avatar = h("span", { class: "avatar", "aria-hidden": "true" }, icon(...SPARK));
    const header = h("header", {}, avatar, h("div", { class: "titles" }, this.name, this.state), this.menu, close);
    const tools = h("div", { class: "tools" }, this.personButton, this.stopButton);
    const label = strings.dialog(this.config.company);
    const role = this.config.isInline ? "region" : "dialog";
    const lang = strings.language;
    return h(
      "section",
      { class: "panel", role, "aria-label": label, lang, dir: strings.dir, hidden: true },
      header,
      this.banner,
      h("div", { class: "body" }, this.log, this.jump, this.own.element),
      tools,
      this.tray.element,
      this.composer.element,
      this.disclosure,
      this.announcer.region,
    );
  }

  private fillWelcome(): void {
    const { strings } = this;
    const questions = h("div", { class: "questions" });
    for (const question of this.config.questions) {
      const ask = button("question", [question]);
      ask.addEventListener("click", () => this.actions.send(question, []));
      questions.append(ask);
    }
    const mark = h("span", { class: "mark", "aria-hidden": "true" }, icon(...SPARK));
    const title = h("h2", { dir: "auto" }, this.config.title || strings.greetingTitle);
    const greeting = h("p", { dir: "auto" }, this.config.greeting || strings.greeting);
    this.welcome.append(mark, title, greeting, questions);
  }

  private listen(): void {
    this.tray.listen(this.element);
    this.stopButton.addEventListener("click", () => {
      this.actions.stop();
      this.composer.focus();
    });
    this.personButton.addEventListener("click", () => this.actions.person());
    this.menu.setAttribute("aria-expanded", "false");
    this.menu.addEventListener("click", () => this.toggleList(!this.own.isShown));
    this.jump.addEventListener("click", () => this.scroll.toEnd());
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.config.isInline) {
        event.stopPropagation();
        if (!this.own.isShown) return this.actions.close();
        this.toggleList(false);
        this.menu.focus();
      } else if (event.key === "Tab" && this.isFull) {
        this.keepFocusInside(event);
      }
    });
  }

  private get isFull(): boolean {
    return !this.config.isInline && window.matchMedia(FULL_SCREEN).matches;
  }

  /** Full screen there is nothing behind the panel that one could see. */
  private keepFocusInside(event: KeyboardEvent): void {
    const all = this.element.querySelectorAll<HTMLElement>(FOCUSABLE);
    const visible = [...all].filter((element) => element.getClientRects().length > 0);
    const [first, last] = [visible[0], visible.at(-1)];
    const root = this.element.getRootNode() as ShadowRoot;
    if (event.shiftKey && root.activeElement === first) last?.focus();
    else if (!event.shiftKey && root.activeElement === last) first?.focus();
    else return;
    event.preventDefault();
  }
}

function button(name: string, content: (Node | string)[], label?: string): HTMLButtonElement {
  const element = h("button", { type: "button", class: name, "aria-label": label });
  element.append(...content);
  return element;
}
