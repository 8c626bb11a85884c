/**
 * `npm run build`: src/ and the vendored packages into files a browser can use, committed to the
 * repository so that nobody needs node to run Careline.
 *
 * Names carry a hash of their content and may be cached for ever; build/manifest.json tells the
 * templates which is which. Only widget.js keeps its name, because shops have it in their pages.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(here, "../../node_modules");
const out = path.resolve(process.argv[2] ?? here);

const VENDORED = {
  htmx: { from: "htmx.org", files: ["LICENSE", "dist/htmx.min.js"] },
  inter: {
    from: "@fontsource-variable/inter",
    files: ["LICENSE", "files/inter-latin-wght-normal.woff2"],
  },
  "swagger-ui": {
    from: "swagger-ui-dist",
    files: [
      "LICENSE",
      "NOTICE",
      "swagger-ui-bundle.js",
      "swagger-ui-bundle.js.LICENSE.txt",
      "swagger-ui.css",
    ],
  },
};

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  target: ["es2022", "chrome123", "firefox128", "safari17.5"],
  legalComments: "none",
  logLevel: "warning",
  external: ["/static/*"],
};

/** A stylesheet imported by a module becomes its minified text. */
const cssAsText = {
  name: "css-as-text",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path: file }) => {
      const built = await esbuild.build({ ...common, entryPoints: [file] });
      return { contents: built.outputFiles[0].text.trim(), loader: "text" };
    });
  },
};

async function bundle(entry, options = {}) {
  const plugins = entry.endsWith(".ts") ? [cssAsText] : [];
  const built = await esbuild.build({ ...common, plugins, entryPoints: [entry], ...options });
  return built.outputFiles[0].text;
}

function hashed(name, text) {
  const { name: stem, ext } = path.parse(name);
  return `${stem}-${createHash("sha256").update(text).digest("hex").slice(0, 10)}${ext}`;
}

const manifest = {};
const build = path.join(out, "build");
await rm(build, { recursive: true, force: true });
await mkdir(build, { recursive: true });

async function keep(name, text) {
  manifest[name] = hashed(name, text);
  await writeFile(path.join(build, manifest[name]), text);
}

/** A module is UTF-8 whatever its page is, and letters are shorter than their numbers. */
const asModule = { format: "esm", charset: "utf8" };

/** English is part of the chat; every other language is a file of its own. */
const languages = {};
for (const name of await readdir(path.join(here, "src/languages"))) {
  const language = path.parse(name).name;
  await keep(`language-${language}.js`, await bundle(`src/languages/${name}`, asModule));
  languages[language] = `/static/build/${manifest[`language-${language}.js`]}`;
}
const words = { LANGUAGE_PATHS: JSON.stringify(languages) };
await keep("widget-app.js", await bundle("src/widget/app.ts", { ...asModule, define: words }));
await keep("agent.js", await bundle("src/agent/main.ts", { format: "esm" }));
await keep("office.js", await bundle("src/office/main.ts", { format: "esm" }));
for (const sheet of ["dashboard", "office", "shop", "article"]) {
  await keep(`${sheet}.css`, await bundle(`src/css/${sheet}.css`));
}
const define = { WIDGET_APP_PATH: JSON.stringify(`/static/build/${manifest["widget-app.js"]}`) };
const loader = await bundle("src/widget/loader.ts", { format: "iife", define });
await writeFile(path.join(build, "widget.js"), loader);
await writeFile(path.join(build, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

const vendor = path.join(out, "vendor");
await rm(vendor, { recursive: true, force: true });
const lock = {};
for (const [folder, { from, files }] of Object.entries(VENDORED)) {
  const source = path.join(modules, from);
  const { version } = JSON.parse(await readFile(path.join(source, "package.json"), "utf8"));
  lock[folder] = { package: from, version, files: {} };
  await mkdir(path.join(vendor, folder), { recursive: true });
  for (const file of files) {
    const bytes = await readFile(path.join(source, file));
    await writeFile(path.join(vendor, folder, path.basename(file)), bytes);
    const digest = createHash("sha384").update(bytes).digest("base64");
    lock[folder].files[path.basename(file)] = `sha384-${digest}`;
  }
}
await writeFile(path.join(vendor, "vendor.lock.json"), `${JSON.stringify(lock, null, 2)}\n`);
