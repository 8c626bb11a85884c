/**
 * Gives an element new children and keeps those that did not change.
 *
 * A text that grows token by token stays the same text node, so what a reader has selected stays
 * selected, and a link that has the focus keeps it. Elements that listen to something need an
 * attribute of their own, or one could go on listening under the other's name.
 */

export function patch(parent: Node, fresh: readonly Node[]): void {
  fresh.forEach((node, i) => {
    const old = parent.childNodes[i];
    if (old === undefined) parent.appendChild(node);
    else if (!old.isEqualNode(node)) change(parent, old, node);
  });
  while (parent.childNodes.length > fresh.length) parent.lastChild?.remove();
}

function change(parent: Node, old: ChildNode, node: Node): void {
  if (old instanceof Text && node instanceof Text) old.data = node.data;
  else if (old instanceof Element && node instanceof Element && isSameTag(old, node))
    patch(old, [...node.childNodes]);
  else parent.replaceChild(node, old);
}

function isSameTag(old: Element, node: Element): boolean {
  return old.cloneNode(false).isEqualNode(node.cloneNode(false));
}
