// Elements, made of plain calls. Texts are always texts, and never markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element.
 * @param {string} tag its name.
 * @param {Object<string, *>} [attributes] `on…` with a function listens; `style` is an object of properties; true sets an
 *   attribute without a value; null, undefined and false leave it out, but `aria-…` says "false".
 * @param {...*} children nodes, texts, lists of them; null, undefined and false are left out.
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * Make an SVG element, as `h` does.
 * @param {string} tag its name.
 * @param {Object<string, *>} [attributes] as of `h`.
 * @param {...*} children as of `h`.
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * Take everything out of a node.
 * @param {Element} node the node.
 * @param {...*} children what it has instead, as of `h`.
 * @returns {Element} the node.
 */
export function clear(node, ...children) {
  node.replaceChildren(...real(children));
  return node;
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on") && typeof value === "function") node.addEventListener(name.slice(2).toLowerCase(), value);
    else if (name === "style" && value) setStyle(node, value);
    else if (name.startsWith("aria-") && value != null) node.setAttribute(name, String(value));
    else if (value === true) node.setAttribute(name, "");
    else if (value != null && value !== false) node.setAttribute(name, String(value));
  }
  node.append(...real(children));
  return node;
}

function setStyle(node, style) {
  for (const [name, value] of Object.entries(style)) {
    const dashed = name.startsWith("--") ? name : name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    node.style.setProperty(dashed, String(value));
  }
}

function real(children) {
  return children.flat(Infinity).filter((child) => child != null && child !== false && child !== "");
}
