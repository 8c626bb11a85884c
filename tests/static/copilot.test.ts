import assert from "node:assert/strict";
import { test } from "node:test";
import { Copilot } from "../../app/static/src/agent/copilot.ts";
import type { Citation } from "../../app/static/src/protocol.ts";

const SOURCE: Citation = {
  marker: 1,
  article_id: "a",
  version: 1,
  title: "Delivery",
  paragraph: 1,
  quote: "It takes 3 days.",
  url: "/articles/delivery",
};

function desk(text = "") {
  const field = { text, read: () => field.text, write: (next: string) => void (field.text = next) };
  const button = { disabled: false };
  const sources: Citation[][] = [];
  const copilot = new Copilot(button, field, (found) => sources.push(found));
  return { field, button, sources, copilot };
}

test("a suggestion is written piece by piece, and its sources come at the end", () => {
  const { field, button, sources, copilot } = desk();

  copilot.begin();
  assert.equal(button.disabled, true);
  copilot.delta({ o: 0, x: "Hé 🙂" });
  copilot.delta({ o: 4, x: " you" });
  assert.equal(field.text, "Hé 🙂 you");
  assert.equal(copilot.ready({ text: "Hé 🙂 you.", sources: [SOURCE] }), true);

  assert.equal(field.text, "Hé 🙂 you.");
  assert.equal(button.disabled, false);
  assert.deepEqual(sources, [[], [SOURCE]]);
});

test("what stood there before stays above it", () => {
  const { field, copilot } = desk("Dear Jo, ");

  copilot.begin();
  copilot.delta({ o: 0, x: "It takes" });
  copilot.ready({ text: "It takes 3 days.", sources: [SOURCE] });

  assert.equal(field.text, "Dear Jo,\n\nIt takes 3 days.");
});

test("what the agent types wins", () => {
  const { field, button, copilot } = desk();

  copilot.begin();
  copilot.delta({ o: 0, x: "It" });
  field.text = "No, I";
  copilot.delta({ o: 2, x: " takes" });
  copilot.ready({ text: "It takes 3 days.", sources: [SOURCE] });

  assert.equal(field.text, "No, I");
  assert.equal(button.disabled, false);
});

test("a lost piece is made good by the whole", () => {
  const { field, copilot } = desk();

  copilot.begin();
  copilot.delta({ o: 0, x: "It " });
  copilot.delta({ o: 9, x: "days" });
  assert.equal(field.text, "It ");
  copilot.ready({ text: "It takes 3 days.", sources: [SOURCE] });

  assert.equal(field.text, "It takes 3 days.");
});

test("with the reply its sources go", () => {
  const { sources, copilot } = desk();

  copilot.begin();
  copilot.ready({ text: "It takes 3 days.", sources: [SOURCE] });
  copilot.sent();

  assert.deepEqual(sources.at(-1), []);
});

test("nothing to suggest leaves the field alone", () => {
  const { field, sources, copilot } = desk("Dear Jo, ");

  copilot.begin();
  assert.equal(copilot.ready({ text: "", sources: [SOURCE] }), false);

  assert.equal(field.text, "Dear Jo, ");
  assert.deepEqual(sources.at(-1), []);
});
