// Asks before something is destroyed.

import { h } from "../dom.js";

/**
 * Ask in a dialog.
 * @param {{title: string, text: string, yes: string, no?: string, extra?: Node}} question what; `yes` and `no` are the
 *   words of the buttons; `extra` is shown below the text.
 * @returns {Promise<boolean>} whether it was answered with yes; the Escape key is a no.
 */
export function confirm({ title, text, yes, no = "Keep it", extra = null }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve(answer);
    };
    const dialog = h("dialog", { "aria-labelledby": "confirm-title", oncancel: (event) => { event.preventDefault(); end(false); } },
      h("div", { class: "stack" },
        h("h2", { id: "confirm-title" }, title),
        h("p", {}, text),
        extra,
        h("div", { class: "row confirm-buttons" },
          h("button", { class: "button", type: "button", autofocus: true, onclick: () => end(false) }, no),
          h("button", { class: "button danger", type: "button", onclick: () => end(true) }, yes))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
