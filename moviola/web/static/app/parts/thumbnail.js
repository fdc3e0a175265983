// A small picture of what a job makes, or a sign of its kind where there is none yet.

import { clear, h, svg } from "../dom.js";

const PICTURE = /\.(png|jpe?g|webp|gif|bmp|avif)$/i;
const VIDEO = /\.(mp4|m4v|mov|webm)$/i;
const LISTED_BYTES = 4096; // of a folder's list: enough for its first line

/** By kind of material: the lines of its sign, in a square of 24. */
const SIGNS = {
  video: ["M4 6h16v12H4z", "M10.5 9.5v5l4-2.5z"],
  images: ["M4 6h16v12H4z", "M4 16l5-4 3.5 3 3-2.5L20 16", "M15.2 10a.9.9 0 1 0 .1 0"],
  table: ["M4 6h16v12H4z", "M4 10h16M4 14h16M10 6v12"],
};

/**
 * @param {string} kind of material.
 * @returns {SVGElement} its sign.
 */
export function sign(kind) {
  const lines = (SIGNS[kind] ?? SIGNS.video).map((d) => svg("path", { d }));
  return svg("svg", { class: "sign", viewBox: "0 0 24 24", "aria-hidden": "true" }, lines);
}

/** The thumbnail of one job; it is made once there is something to be seen of it, and only when it comes into view. */
export class Thumbnail {
  #shown = "";
  #seen = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) this.#make(); });

  /** @param {Object} job the job. */
  constructor(job) {
    this.job = job;
    this.node = h("div", { class: "thumbnail", "aria-hidden": "true" }, sign(job.kind));
    this.#seen.observe(this.node);
  }

  /** @param {Object} job its newest record. */
  update(job) {
    const had = this.job.files.length;
    this.job = job;
    if (!had && job.files.length) {
      this.#seen.unobserve(this.node); // an observer tells at once of what it begins to observe
      this.#seen.observe(this.node);
    }
  }

  /** End it. */
  close() {
    this.#seen.disconnect();
  }

  async #make() {
    const source = await sourceOf(this.job).catch(() => null);
    if (!source || this.#shown === source.href) return;
    this.#shown = source.href;
    const put = () => clear(this.node, shown);
    const shown = source.isVideo
      ? h("video", { muted: true, playsinline: true, preload: "metadata", tabindex: -1, src: `${source.href}#t=0.1`, onloadeddata: put })
      : h("img", { alt: "", src: source.href, onload: put }); // what cannot be shown stays a sign
  }
}

async function sourceOf(job) {
  for (const file of job.files) {
    if (VIDEO.test(file.name)) return { href: file.href, isVideo: true };
    if (PICTURE.test(file.name)) return { href: file.href, isVideo: false };
    if (file.folder) {
      const first = await firstOf(file);
      if (PICTURE.test(first)) return { href: hrefOf(job, first), isVideo: false };
    }
  }
  return null;
}

async function firstOf(listing) {
  const answer = await fetch(listing.href, { headers: { Range: `bytes=0-${LISTED_BYTES - 1}` } });
  return answer.ok ? JSON.parse((await answer.text()).split("\n")[0]).file : "";
}

/**
 * @param {Object} job a job.
 * @param {string} name of one of its files, or of one in a folder of them.
 * @returns {string} the path at which it is had.
 */
export const hrefOf = (job, name) => `/api/jobs/${encodeURIComponent(job.id)}/files/${name.split("/").map(encodeURIComponent).join("/")}`;
