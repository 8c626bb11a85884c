/** What the small loader hands to the application it fetches on the first opening. */

export interface Config {
  /** The site's public token. */
  site: string;
  /** Where the script came from; everything else comes from there too. */
  origin: string;
  company: string;
  /** Questions offered in an empty chat. */
  questions: string[];
}

export interface Shell {
  config: Config;
  root: ShadowRoot;
  launcher: HTMLButtonElement;
  /** Show how many messages wait unread; 0 takes the badge away. */
  setUnread(count: number): void;
}

export interface WidgetApp {
  open(): void;
  close(): void;
  readonly isOpen: boolean;
}

export interface AppModule {
  mount(shell: Shell): WidgetApp;
}
