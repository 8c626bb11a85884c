import assert from "node:assert/strict";
import { test } from "node:test";
import type { Details, Prechat } from "../../app/static/src/protocol.ts";
import { en } from "../../app/static/src/strings.ts";
import { problemsOf } from "../../app/static/src/widget/prechat.ts";

const ASKED: Prechat = { name: "optional", email: "required", privacy_url: "https://shop.example/p" };
type Told = Pick<Details, "name" | "email" | "consent">;

function told(changed: Partial<Told> = {}): Told {
  return { name: "Ana", email: "ana@shop.example", consent: true, ...changed };
}

test("what fits has no problem", () => {
  assert.deepEqual(problemsOf(told(), ASKED), {});
  assert.deepEqual(problemsOf(told({ name: "" }), ASKED), {});
  assert.deepEqual(problemsOf(told({ email: "", consent: false }), { ...ASKED, email: "off", privacy_url: "" }), {});
});

test("what does not fit is told at its field", () => {
  assert.deepEqual(problemsOf(told({ email: " " }), ASKED), { email: "required" });
  assert.deepEqual(problemsOf(told({ email: "ana" }), ASKED), { email: "email" });
  assert.deepEqual(problemsOf(told({ email: `${"x".repeat(250)}@b.example` }), ASKED), { email: "too_long" });
  assert.deepEqual(problemsOf(told({ name: "" }), { ...ASKED, name: "required" }), { name: "required" });
  assert.deepEqual(problemsOf(told({ name: "x".repeat(201), consent: false }), ASKED), {
    name: "too_long",
    consent: "consent",
  });
});

test("every problem has a sentence", () => {
  const problems = problemsOf(told({ name: "", email: "ana", consent: false }), { ...ASKED, name: "required" });
  for (const problem of Object.values(problems)) {
    assert.ok(problem in en.prechat.problems, problem);
  }
});
