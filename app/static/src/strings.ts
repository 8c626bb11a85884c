/** What the widget says, in one place; a translation is another object of this type. */

import { plural } from "./plural.ts";
import type { Phase } from "./protocol.ts";

export const en = {
  language: "en",
  dir: "ltr" as "ltr" | "rtl",
  launcher: "Open the chat",
  launcherUnread: (count: number) =>
    plural("en", count, { other: "Open the chat, # unread" }),
  close: "Close the chat",
  dialog: (company: string) => `Chat with ${company}`,
  greetingTitle: "Hello, how can we help?",
  greeting: "Ask anything about orders, delivery, returns or our products.",
  disclosure: "You are chatting with an AI assistant. It can make mistakes.",
  composer: "Write a message",
  placeholder: "Ask a question…",
  placeholderHuman: "Write a message…",
  send: "Send",
  stop: "Stop answering",
  stopShort: "Stop",
  human: "Talk to a person",
  connecting: "Connecting…",
  offlineCount: (count: number) =>
    count === 0
      ? "You are offline. Messages are sent as soon as you are back."
      : plural("en", count, {
          one: "You are offline. # message is kept here and sent as soon as you are back.",
          other: "You are offline. # messages are kept here and sent as soon as you are back.",
        }),
  refused: "The chat is not available here.",
  signIn: "Please sign in to chat.",
  sending: "Sending…",
  queued: "Waiting for the connection",
  retry: "Try again",
  messages: "Messages",
  assistant: "AI assistant",
  online: "AI assistant · answers at once",
  waitingForPerson: "A person will join soon",
  withPerson: (name: string) => `You are talking to ${name}`,
  withSomebody: "You are talking to our team",
  resolvedState: "This conversation is closed",
  newMessages: "New messages",
  latest: "To the newest message",
  you: "You",
  sources: "Sources",
  source: (marker: string) => `Source ${marker}`,
  phases: {
    searching: "Searching our help articles…",
    reading: "Reading what we found…",
    writing: "Writing…",
  } satisfies Record<Phase, string>,
  thinking: "Thinking…",
  interrupted: "This answer was stopped",
  failed: "This answer could not be finished.",
  typing: (name: string) => (name ? `${name} is typing` : "Typing"),
  resolved: "This conversation is closed. Write again if anything is left.",
  conversations: {
    title: "Your conversations",
    begin: "New conversation",
    open: "Open",
    over: "Closed",
    unread: "New messages",
    untitled: "Conversation",
    copy: "Take a copy of this conversation with you",
    asText: "As text",
    asPage: "As a page",
  },
  presence: {
    here: (name: string) => `${name} is here`,
    away: (name: string) => `${name} is away right now`,
    nobody: "Nobody is here right now",
    back: (when: string) => `We are back ${when}`,
  },
  files: {
    attach: "Attach a file",
    remove: (name: string) => `Remove ${name}`,
    uploading: (name: string) => `Uploading ${name}`,
    failed: "This could not be sent. Try again.",
    notSaved: "This file could not be fetched.",
    mismatch: "This file is not what its name says.",
    tooMany: (count: number) =>
      plural("en", count, { one: "At most # file at once", other: "At most # files at once" }),
    tooLarge: (size: string) => `At most ${size}`,
    kinds: (endings: string) => `Possible are ${endings}`,
  },
  /** By the code of a refusal; in English the server says it. */
  problems: {} as Record<string, string>,
  rating: {
    title: "How was this conversation?",
    star: (score: number) => `${score} of 5`,
    remark: "What should we know? (optional)",
    send: "Send",
    thanks: "Thank you for your rating.",
    refused: "Your rating could not be stored.",
  },
  prechat: {
    title: "Before we start",
    name: "Name",
    email: "E-mail",
    optional: "optional",
    /** What stands in brackets leads to the notice. */
    consent: "I have read the [privacy notice] and agree to it.",
    start: "Start the chat",
    problems: {
      required: "Please fill this in.",
      email: "This is not an e-mail address.",
      too_long: "This is too long.",
      consent: "Please agree first.",
    },
  },
  chips: {
    helped: "That helped",
    not_helped: "Not what I need",
    human: "Talk to a person",
  },
  chipTexts: {
    helped: "That helped, thank you.",
    not_helped: "That is not what I need.",
  },
};

export type Strings = typeof en;
