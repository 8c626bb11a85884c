import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS, EVENTS, complaint } from "../../app/static/src/widget/commands.ts";
import type { CareEvent } from "../../app/static/src/widget/commands.ts";
import { Events } from "../../app/static/src/widget/events.ts";
import { Reporter } from "../../app/static/src/widget/reporter.ts";
import { Thread } from "../../app/static/src/thread.ts";
import { C, created } from "./frames.ts";

const listen = (): void => undefined;

test("what fits is done without a word", () => {
  const calls: [string, ...unknown[]][] = [
    ["open"],
    ["logout"],
    ["identify", { token: "a.b.c" }],
    ["attributes", {}],
    ["locale", "ar"],
    ["theme", "dark"],
    ["theme", { accent: "#123456" }],
    ["send", "Hello"],
    ["on", "unread", listen],
    ["off", "csat", listen],
  ];
  for (const [command, ...args] of calls) assert.equal(complaint(command, args), null, command);
});

test("what does not fit is told with what would", () => {
  const calls: [unknown[], RegExp][] = [
    [["opne"], /no command opne; there are open, close/],
    [[undefined], /no command undefined/],
    [[{}], /no command/],
    [["toString"], /no command toString/],
    [["__proto__"], /no command __proto__/],
    [["open", 1], /open takes nothing/],
    [["identify"], /identify takes \{ token \}/],
    [["identify", "a.b.c"], /identify takes \{ token \}/],
    [["identify", { token: "" }], /identify takes \{ token \}/],
    [["identify", null], /identify takes \{ token \}/],
    [["attributes", ["a"]], /attributes takes \{ … \}/],
    [["send", "  "], /send takes text/],
    [["theme", 7], /theme takes \{ … \} or text/],
    [["on", "unred", listen], /events are ready, open/],
    [["on", "unread"], /on takes event, function/],
    [["on", "unread", "listen"], /on takes event, function/],
  ];
  for (const [[command, ...args], told] of calls) assert.match(complaint(command, args) ?? "", told);
});

test("every command of the page is described", () => {
  const names = "open close toggle show hide destroy logout identify attributes locale theme send on off";
  assert.deepEqual(Object.keys(COMMANDS), names.split(" "));
  assert.equal(EVENTS.split(", ").length, 9);
});

test("a listener that throws disturbs nobody", (context) => {
  const told = context.mock.method(console, "error", () => undefined);
  const events = new Events();
  const heard: unknown[] = [];
  events.on("open", () => {
    throw new Error("of the page");
  });
  events.on("open", () => heard.push("second"));

  events.emit("open", {});

  assert.deepEqual(heard, ["second"]);
  assert.equal(told.mock.callCount(), 1);
});

test("who listens twice hears it once, and who leaves hears nothing", () => {
  const events = new Events();
  const heard: unknown[] = [];
  const listener = (detail: unknown): void => void heard.push(detail);
  events.on("unread", listener);
  events.on("unread", listener);
  events.emit("unread", 1);
  events.off("unread", listener);
  events.emit("unread", 2);

  assert.deepEqual(heard, [1]);
});

test("who asks for ready later hears it at once", () => {
  const events = new Events();
  let count = 0;
  events.on("ready", () => (count += 1));
  events.emit("ready", {});
  events.on("ready", () => (count += 1));

  assert.equal(count, 2);
});

function reporter(): [Reporter, [CareEvent, Record<string, unknown>][]] {
  const heard: [CareEvent, Record<string, unknown>][] = [];
  const reported = new Reporter((event, detail) => {
    heard.push([event, detail as Record<string, unknown>]);
  });
  return [reported, heard];
}

test("a page hears of each message once, and not of the history", () => {
  const [report, heard] = reporter();
  const thread = new Thread();
  thread.id = C;
  thread.apply(created(1, { text: "long ago" }));
  report.update(thread, false);
  report.update(thread, true);
  thread.apply(created(2, { text: "now" }));
  report.update(thread, true);
  report.update(thread, true);

  assert.deepEqual(heard.map(([event, detail]) => [event, detail["text"]]), [["message", "now"]]);
});

test("a conversation that begins before the eyes is news from its first word", () => {
  const [report, heard] = reporter();
  const thread = new Thread();
  report.update(thread, true);
  thread.id = C;
  thread.apply(created(1, { text: "Hello" }));
  thread.control = "queue";
  report.update(thread, true);
  thread.status = "resolved";
  report.update(thread, true);
  thread.rating = { score: 4 };
  report.update(thread, true);
  thread.rating = { score: 4, comment: "Quick." };
  report.update(thread, true);

  assert.deepEqual(
    heard.map(([event]) => event),
    ["message", "handoff", "resolved", "csat"],
  );
});

test("only a change of the number is told", () => {
  const [report, heard] = reporter();
  for (const count of [0, 1, 1, 0]) report.count(count);

  assert.deepEqual(heard.map(([, detail]) => detail["count"]), [1, 0]);
});
