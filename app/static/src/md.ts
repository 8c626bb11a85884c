/**
 * The small Markdown of messages as DOM nodes: bold, italic, code, links, lists, line breaks.
 *
 * Text becomes text nodes and nothing else: no string is ever parsed as HTML. The same code renders
 * half an answer while it streams and the whole one at its end, so nothing jumps.
 */

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "strong" | "em"; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "cite"; marker: number };

export type Block =
  | { kind: "p"; lines: Inline[][] }
  | { kind: "ul" | "ol"; items: Inline[][]; start: number };

const SCHEMES = new Set(["http:", "https:", "mailto:", "tel:"]);
const BULLET = /^\s{0,3}[-*•]\s+(.*)$/;
const NUMBER = /^\s{0,3}(\d{1,3})[.)]\s+(.*)$/;

// One alternative a construct, tried in this order at every place; text in between stays text.
const INLINE =
  /`([^`\n]+)`|\*\*(?=\S)([^\n]+?\S|\S)\*\*|(?<![\w*])[*_](?=[^\s*_])([^*_\n]*[^\s*_])[*_](?![\w*])|\[([^\]\n]+)\]\(([^()\s]+)\)|\[(\d{1,2})\]|(https?:\/\/[^\s<>()[\]]+[^\s<>()[\].,;:!?'"])/g;

/** The link if its scheme is allowed, relative ones resolved against `base`; null otherwise. */
export function safeHref(href: string, base: string): string | null {
  try {
    const url = new URL(href, base);
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function parseInline(text: string): Inline[] {
  const parts: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > from) parts.push({ kind: "text", text: text.slice(from, match.index) });
    from = match.index + match[0].length;
    const [, code, strong, em, label, target, marker, bare] = match;
    if (code !== undefined) parts.push({ kind: "code", text: code });
    else if (strong !== undefined) parts.push({ kind: "strong", children: parseInline(strong) });
    else if (em !== undefined) parts.push({ kind: "em", children: parseInline(em) });
    else if (label !== undefined && target !== undefined)
      parts.push({ kind: "link", href: target, children: [{ kind: "text", text: label }] });
    else if (marker !== undefined) parts.push({ kind: "cite", marker: Number(marker) });
    else if (bare !== undefined)
      parts.push({ kind: "link", href: bare, children: [{ kind: "text", text: bare }] });
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  return parts;
}

export function parse(text: string): Block[] {
  const blocks: Block[] = [];
  let isOpen = false; // whether the next line may continue the last block
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim()) {
      isOpen = false;
      continue;
    }
    const last = isOpen ? blocks.at(-1) : undefined;
    const bullet = BULLET.exec(line);
    const number = NUMBER.exec(line);
    if (bullet) {
      const item = parseInline(bullet[1] ?? "");
      if (last?.kind === "ul") last.items.push(item);
      else blocks.push({ kind: "ul", items: [item], start: 1 });
    } else if (number) {
      const item = parseInline(number[2] ?? "");
      if (last?.kind === "ol") last.items.push(item);
      else blocks.push({ kind: "ol", items: [item], start: Number(number[1]) });
    } else if (last?.kind === "p") {
      last.lines.push(parseInline(line));
    } else {
      blocks.push({ kind: "p", lines: [parseInline(line)] });
    }
    isOpen = true;
  }
  return blocks;
}

export interface RenderOptions {
  /** Where relative links lead. */
  base: string;
  /** The place a marker such as `[1]` stands for, once it is known. */
  cite: (marker: number) => { href: string; name: string } | null;
}

/** `text` as nodes, ready to be put into a bubble. */
export function render(text: string, options: RenderOptions): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const block of parse(text)) {
    if (block.kind === "p") {
      const p = document.createElement("p");
      block.lines.forEach((line, i) => {
        if (i > 0) p.append(document.createElement("br"));
        appendInline(p, line, options);
      });
      fragment.append(p);
    } else {
      const list = document.createElement(block.kind);
      if (list instanceof HTMLOListElement && block.start !== 1) list.start = block.start;
      for (const item of block.items) {
        const li = document.createElement("li");
        appendInline(li, item, options);
        list.append(li);
      }
      fragment.append(list);
    }
  }
  return fragment;
}

function appendInline(parent: Node, parts: Inline[], options: RenderOptions): void {
  for (const part of parts) parent.appendChild(inlineNode(part, options));
}

function inlineNode(part: Inline, options: RenderOptions): Node {
  switch (part.kind) {
    case "text":
      return document.createTextNode(part.text);
    case "code": {
      const code = document.createElement("code");
      code.textContent = part.text;
      return code;
    }
    case "cite":
      return citationNode(part.marker, options);
    case "link": {
      const href = safeHref(part.href, options.base);
      const element = href === null ? document.createElement("span") : newTab(href);
      appendInline(element, part.children, options);
      return element;
    }
    default: {
      const element = document.createElement(part.kind);
      appendInline(element, part.children, options);
      return element;
    }
  }
}

function citationNode(marker: number, options: RenderOptions): Node {
  const target = options.cite(marker);
  const href = target && safeHref(target.href, options.base);
  const element = href ? newTab(href) : document.createElement("span");
  element.className = "cite";
  element.textContent = String(marker);
  if (target && href) element.setAttribute("aria-label", target.name);
  return element;
}

function newTab(href: string): HTMLAnchorElement {
  const link = document.createElement("a");
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}
