// Lets somebody in where the gateway has users.

import { clear, h } from "../dom.js";

export const title = "Log in";

/**
 * Show the form.
 * @param {HTMLElement} root gets it.
 * @param {Object} params none.
 * @param {Object} app of main.js.
 * @returns {function(): void} ends it.
 */
export default function view(root, params, app) {
  const error = h("p", { class: "callout bad", role: "alert", hidden: true });
  const field = h("input", { type: "password", id: "token", name: "token", autocomplete: "current-password", spellcheck: "false", required: true, "aria-describedby": "token-help" });
  const button = h("button", { class: "button primary", type: "submit" }, "Log in");
  const form = h("form", { class: "card stack login", onsubmit: (event) => { event.preventDefault(); logIn(); } },
    h("h1", {}, title),
    error,
    h("div", { class: "field" }, h("label", { for: "token" }, "Token"), field,
      h("small", { id: "token-help" }, "The person who runs this gateway gives you one. This page keeps it only until you are logged in; then a cookie stands for it, for a week.")),
    h("div", { class: "row" }, button));
  root.append(form);
  field.focus();
  whoAsks();

  async function whoAsks() {
    const session = await app.session().catch(() => null);
    if (session && !session.needs_login) {
      clear(form, h("h1", {}, title), h("p", {}, "This gateway asks nobody to log in: whoever reaches it is its one user."), h("p", {}, h("a", { href: "/" }, "To the jobs")));
    } else if (session?.user) {
      clear(form, h("h1", {}, title), h("p", {}, `You are logged in as ${session.user}.`), h("p", {}, h("a", { href: "/" }, "To the jobs")));
    }
  }

  async function logIn() {
    button.disabled = true;
    error.hidden = true;
    try {
      await app.logIn(field.value);
      const to = new URLSearchParams(location.search).get("to") ?? "/";
      app.navigate(to.startsWith("/") && !to.startsWith("//") ? to : "/", { replace: true });
    } catch (problem) {
      error.textContent = problem.detail ?? String(problem);
      error.hidden = false;
      field.select();
    } finally {
      button.disabled = false;
    }
  }

  return () => {};
}
