/** Building elements in a line; text is text, attributes are set one by one. */

type Attributes = Record<string, string | boolean | null | undefined>;
type Child = Node | string | null | undefined | false;

/** An element; an attribute that is `true` stands empty, one that is false or null is left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  for (const child of children) if (child) element.append(child);
  return element;
}

/** A button; without `label` what it shows is its name. */
export function button(name: string, content: (Node | string)[], label?: string): HTMLButtonElement {
  const element = h("button", { type: "button", class: name, "aria-label": label });
  element.append(...content);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** A 24 x 24 line icon, hidden from screen readers; the button around it has the name. */
export function icon(...paths: string[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  setAttributes(svg, { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" });
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
}
