/** What the widget says, in one place; a translation is another object of this type. */

import type { Phase } from "./protocol.ts";

export const en = {
  launcher: "Open the chat",
  launcherUnread: (count: number) => `Open the chat, ${count} unread`,
  close: "Close the chat",
  dialog: (company: string) => `Chat with ${company}`,
  defaultCompany: "us",
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
  offline: "You are offline. Messages are sent as soon as you are back.",
  refused: "The chat is not available here.",
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
  sources: "Sources",
  phases: {
    searching: "Searching our help articles…",
    reading: "Reading what we found…",
    writing: "Writing…",
  } satisfies Record<Phase, string>,
  thinking: "Thinking…",
  interrupted: "This answer was stopped",
  failed: "This answer could not be finished.",
  typing: (name: string) => (name ? `${name} is typing` : "Typing"),
  waiting: "A person from our team will answer you here.",
  resolved: "This conversation is closed. Write again if anything is left.",
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
