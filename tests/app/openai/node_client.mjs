/** OpenAI's npm package against a running server: told by node's own test runner. */

import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.CARELINE_BASE_URL,
  apiKey: process.env.CARELINE_KEY,
  maxRetries: 0,
});
const BASE = "careline-base";
const hello = [{ role: "user", content: "Hello, where is my order?" }];
const question = "How long is the warranty?";

test("models are listed", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ["careline", BASE, "careline-embeddings"]);
});

test("a stream adds up to the whole, with usage", async () => {
  const body = { model: BASE, messages: hello, max_tokens: 16, seed: 3 };
  const whole = await client.chat.completions.create(body);
  const stream = await client.chat.completions.create({
    ...body,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
  assert.equal(usage.total_tokens, whole.usage.total_tokens);
});

test("the package's own helper reads a grounded stream", async () => {
  const runner = client.chat.completions.stream({
    model: "careline",
    messages: [{ role: "user", content: question }],
  });
  const final = await runner.finalChatCompletion();
  assert.match(final.choices[0].message.content, /2 years/);
  assert.equal(final.choices[0].finish_reason, "stop");
});

test("a response streams its events in order and is parsed", async () => {
  const stream = client.responses.stream({ model: "careline", input: question });
  const numbers = [];
  for await (const event of stream) numbers.push(event.sequence_number);
  const final = await stream.finalResponse();
  assert.deepEqual(numbers, numbers.map((_, at) => at));
  assert.match(final.output_text, /2 years/);
  const [part] = final.output[0].content;
  assert.ok(part.annotations.length > 0);
  for (const one of part.annotations) {
    assert.match(part.text.slice(one.start_index, one.end_index), /^\[\d+\]$/);
  }
});

test("failures have their class, code and parameter", async () => {
  const stranger = new OpenAI({ baseURL: process.env.CARELINE_BASE_URL, apiKey: "x", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.models.retrieve("gpt-9"), { status: 404, code: "model_not_found" });
  await assert.rejects(
    client.chat.completions.create({ model: BASE, messages: hello, n: 2 }),
    { status: 400, param: "n", code: "unsupported_value" },
  );
});
