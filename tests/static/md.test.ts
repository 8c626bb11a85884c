import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, parseInline, safeHref } from "../../app/static/src/md.ts";

const text = (value: string) => ({ kind: "text", text: value });

test("bold, italic, code, links and citations", () => {
  assert.deepEqual(parseInline("a **b** *c* `d` [e](/f) [1]"), [
    text("a "),
    { kind: "strong", children: [text("b")] },
    text(" "),
    { kind: "em", children: [text("c")] },
    text(" "),
    { kind: "code", text: "d" },
    text(" "),
    { kind: "link", href: "/f", children: [text("e")] },
    text(" "),
    { kind: "cite", marker: 1 },
  ]);
});

test("a bare link ends before the full stop", () => {
  assert.deepEqual(parseInline("See https://fernhill.example/returns."), [
    text("See "),
    {
      kind: "link",
      href: "https://fernhill.example/returns",
      children: [text("https://fernhill.example/returns")],
    },
    text("."),
  ]);
});

test("what is no markup stays as it was typed", () => {
  for (const plain of ["2 * 3 * 4", "snake_case_name", "a ** b", "[x]", "5 > 3 & <b>", "**", "`", "$4.95*"]) {
    assert.deepEqual(parseInline(plain), [text(plain)], plain);
  }
});

test("HTML is text, however it is dressed", () => {
  for (const attack of [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "**<svg onload=alert(1)>**",
    "`</code><script>`",
  ]) {
    const kinds = JSON.stringify(parse(attack));
    assert.ok(!kinds.includes('"link"'), attack);
  }
});

test("only allowed schemes become links", () => {
  const base = "https://care.example/";
  assert.equal(safeHref("/articles/a?v=1#p2", base), "https://care.example/articles/a?v=1#p2");
  assert.equal(safeHref("mailto:care@fernhill.example", base), "mailto:care@fernhill.example");
  for (const bad of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "\tjavascript:x", "http://"]) {
    assert.equal(safeHref(bad, base), null, bad);
  }
});

test("paragraphs, breaks and lists", () => {
  const blocks = parse("One\ntwo\n\n- a\n- b\n\n3. c\n4. d");
  assert.deepEqual(
    blocks.map((block) => (block.kind === "p" ? block.lines.length : [block.kind, block.items.length, block.start])),
    [2, ["ul", 2, 1], ["ol", 2, 3]],
  );
});

test("half a markup while it streams is text until it is whole", () => {
  const whole = "Free **express** delivery [1]";
  for (let end = 0; end <= whole.length; end += 1) parse(whole.slice(0, end));
  assert.deepEqual(parseInline("Free **expr"), [text("Free **expr")]);
  assert.deepEqual(parseInline("delivery ["), [text("delivery [")]);
});

test("a long line without an end is read in linear time", () => {
  const started = performance.now();
  for (const piece of ["*", "**a", "[", "`", "[a](", "https://", "_a"]) parse(piece.repeat(4_000));
  assert.ok(performance.now() - started < 2_000);
});
