// Sends files: what becomes of them, and how far they are.

import { h } from "../dom.js";

export const title = "Send";

/**
 * Show what can be sent.
 * @param {HTMLElement} root gets it.
 * @returns {function(): void} ends it.
 */
export default function view(root) {
  root.append(
    h("h1", {}, title),
    h("div", { class: "empty" }, h("p", {}, "Files cannot be sent from this page yet."), h("p", {}, h("a", { href: "/api/" }, "The API can do it already"))));
  return () => {};
}
