// Plays what a job makes, while it is made and afterwards, before and after.

import { clear, h } from "../dom.js";
import { mountPlayer } from "../player/player.js";

export const title = "Watch";

const RETRY_MS = 2000; // between two tries to have a job of which nobody could tell for a moment

/**
 * Show one output of a job.
 * @param {HTMLElement} root gets it.
 * @param {{id: string, output: string}} params which.
 * @param {Object} app of main.js.
 * @returns {function(): void} ends it.
 */
export default function view(root, { id, output }, app) {
  const heading = h("h1", {}, title);
  const others = h("nav", { class: "row player-outputs", "aria-label": "Outputs of this job", hidden: true });
  const place = h("div", { class: "card" });
  root.append(
    h("p", { class: "small" }, h("a", { href: `/jobs/${encodeURIComponent(id)}` }, "To the job")),
    heading, others, place);
  let end = () => {};
  let [isBegun, isClosed] = [false, false];
  let retry = 0;
  let known = "";
  const show = (job) => {
    if (!job) return;
    const outputs = job.progress.outputs;
    const now = JSON.stringify([job.name, outputs]);
    if (now === known) return;
    known = now;
    clear(heading, `${output} of ${job.name}`);
    document.title = `${output} of ${job.name} · Moviola`;
    others.hidden = outputs.length < 2;
    clear(others, outputs.length > 1 && outputs.map((name) =>
      h("a", { class: "button", href: `/jobs/${encodeURIComponent(id)}/watch/${encodeURIComponent(name)}`, "aria-current": name === output ? "page" : null }, name)));
  };
  const begin = async () => {
    clearTimeout(retry);
    try {
      const job = await app.api.get(`/api/jobs/${encodeURIComponent(id)}`);
      if (isClosed || isBegun) return;
      isBegun = true;
      show(job);
      clear(place);
      if (job.progress.outputs.includes(output)) end = mountPlayer(place, { job, output, app });
      else clear(place, h("p", {}, `This job has no output ${output}.`));
    } catch (problem) {
      if (isClosed || isBegun) return;
      clear(place, h("p", {}, problem.detail ?? String(problem)));
      if (problem.isPassing) retry = setTimeout(begin, RETRY_MS);
    }
  };
  const leave = app.live.job(id, show);
  begin();
  return () => {
    isClosed = true;
    clearTimeout(retry);
    leave();
    end();
  };
}
