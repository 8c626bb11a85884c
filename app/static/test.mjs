/** `npm test`: the tests in tests/static, bundled and run by node's own runner. */

import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const tests = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../tests/static");
const outdir = await mkdtemp(path.join(tmpdir(), "careline-"));
const names = (await readdir(tests)).filter((name) => name.endsWith(".test.ts"));
try {
  await esbuild.build({
    entryPoints: names.map((name) => path.join(tests, name)),
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    sourcemap: "inline",
    logLevel: "warning",
  });
  const files = names.map((name) => path.join(outdir, name.replace(/\.ts$/, ".mjs")));
  const ran = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" });
  process.exitCode = ran.status ?? 1;
} finally {
  await rm(outdir, { recursive: true });
}
