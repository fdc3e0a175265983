// What a preview is made of: a few pictures of what was chosen, as files that the gateway takes.

/** Pixels of a picture's longer side that are sent at most: more than a screen shows, and still quick. */
const MAX_SIDE = 1920;
const MAX_SIDE_OF_MANY = 960; // … where earlier frames go along: so many of the larger size are more than a preview may bring
const MAX_CONTEXT = 6; // earlier frames that are looked for in a video: each is a seek, of a tenth of a second or so
const FRAME_S = 1 / 25; // from one frame to the next where nobody says how long that is
const PICTURES_SIZE = 16 * 1024 * 1024; // of pictures that are sent as they are
const HEAD_SIZE = 8 * 1024 * 1024; // of a video that this browser cannot show
const TABLE_SIZE = 64 * 1024;
const SEEK_MS = 8000; // a video that has not come to a frame by then is taken for one that cannot be shown
const SHOWN = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/avif"];
const PLACES = ["first", "middle", "last"];

/**
 * What is sent of a source, and what is shown of it.
 * @typedef {{files: File[], fields: Object<string, string>, before: {name: string, url: string}[], remarks: string[],
 *   needsOriginal: boolean}} Sample
 */

/** The samples of one parcel, made as they are needed. */
export class Sampler {
  #parcel;
  #sendable;
  #urls = [];
  #frames = new Map();
  #video = null;
  #turn = 0;
  #taking = Promise.resolve(); // ends when nobody moves the video any more

  /**
   * @param {import("./sources.js").Parcel} parcel what is to be sent.
   * @param {Object} sendable as `GET /api/kinds` tells it.
   */
  constructor(parcel, sendable) {
    [this.#parcel, this.#sendable] = [parcel, sendable];
  }

  /**
   * Take a sample. One of a video that is still being taken is given up: it raises.
   * @param {number} context how many earlier frames the chain looks back at.
   * @returns {Promise<Sample>}
   */
  async sample(context) {
    const { kind } = this.#parcel;
    if (kind.name === "table") return this.#records();
    if (kind.name === "images") return this.#pictures();
    const turn = ++this.#turn;
    const taken = this.#taking.then(() => this.#videoFrames(Math.min(context, MAX_CONTEXT), context, turn));
    this.#taking = taken.catch(() => {});
    try {
      return await taken;
    } catch (problem) {
      if (turn !== this.#turn) throw problem;
      return this.#head();
    }
  }

  /** Give back what the browser holds for it. */
  close() {
    this.#turn += 1;
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#video?.removeAttribute("src");
    this.#frames.clear();
  }

  async #videoFrames(before, context, turn) {
    this.#check(turn);
    const video = (this.#video ??= await loaded(this.#url(this.#parcel.files[0])));
    const length = Number.isFinite(video.duration) ? video.duration : 0;
    const side = before ? MAX_SIDE_OF_MANY : MAX_SIDE;
    const ends = [0, length / 2, Math.max(0, length - FRAME_S)];
    const files = [];
    const shown = [];
    for (const [place, end] of ends.entries()) {
      for (let back = before; back >= 0; back -= 1) {
        const frame = await this.#frame(video, Math.max(0, end - back * FRAME_S), side);
        this.#check(turn);
        files.push(new File([frame], `${PLACES[place]}-${before - back}.png`, { type: "image/png" }));
        if (!back) shown.push({ name: PLACES[place], url: this.#url(frame) });
      }
    }
    const remarks = [];
    if (Math.max(video.videoWidth, video.videoHeight) > side) {
      remarks.push(`The video has ${video.videoWidth}×${video.videoHeight} pixels, and the preview fewer: lengths in pixels look larger here.`);
    }
    if (context > before) remarks.push(`The chain looks back at ${context} frames; the preview has ${before} of them.`);
    return { files, fields: { of: "video", before: String(before) }, before: shown, remarks, needsOriginal: false };
  }

  #check(turn) {
    if (turn !== this.#turn) throw new Error("this sample is not wanted any more");
  }

  async #frame(video, time, side) {
    const key = `${time.toFixed(3)} ${side}`;
    if (!this.#frames.has(key)) {
      await seeked(video, time);
      this.#frames.set(key, await drawn(video, video.videoWidth, video.videoHeight, side));
    }
    return this.#frames.get(key);
  }

  /** The beginning of a video that this browser cannot show: the gateway decodes it. */
  #head() {
    const [file] = this.#parcel.files;
    const head = new File([file.slice(0, HEAD_SIZE)], file.name, { type: file.type });
    const isWhole = file.size <= HEAD_SIZE;
    const remarks = isWhole ? [] : ["This browser cannot show this video. The preview is of its beginning alone."];
    return { files: [head], fields: {}, before: [], remarks, needsOriginal: true };
  }

  async #pictures() {
    const all = this.#parcel.files;
    const chosen = [...new Set([all[0], all[Math.floor((all.length - 1) / 2)], all.at(-1)])];
    const size = chosen.reduce((sum, file) => sum + file.size, 0);
    const isShown = chosen.every((file) => SHOWN.includes(file.type));
    if (!isShown || size > Math.min(PICTURES_SIZE, this.#sendable.preview_limit)) {
      if (!isShown) return { files: chosen, fields: { format: "png" }, before: [], remarks: [], needsOriginal: true };
      const files = await Promise.all(chosen.map(smaller));
      const before = files.map((file, index) => ({ name: chosen[index].name, url: this.#url(file) }));
      return { files, fields: {}, before, remarks: ["The pictures are large; the preview is of smaller ones, in which lengths in pixels look larger."], needsOriginal: false };
    }
    const before = chosen.map((file) => ({ name: file.name, url: this.#url(file) }));
    return { files: chosen, fields: {}, before, remarks: [], needsOriginal: false };
  }

  async #records() {
    const files = await Promise.all(this.#parcel.files.map(async (file) => {
      if (file.size <= TABLE_SIZE) return file;
      const bytes = new Uint8Array(await file.slice(0, TABLE_SIZE).arrayBuffer());
      const end = bytes.lastIndexOf(10) + 1 || bytes.length;
      return new File([bytes.subarray(0, end)], file.name, { type: "text/csv" });
    }));
    const isCut = files.some((file, index) => file.size < this.#parcel.files[index].size);
    const remarks = isCut ? ["The preview is of the first records alone; those of other tables that belong to them may come later."] : [];
    return { files, fields: {}, before: [], remarks, needsOriginal: false };
  }

  #url(blob) {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    return url;
  }
}

function loaded(url) {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  video.playsInline = true;
  return within(new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", () => (video.videoWidth ? resolve(video) : reject(new Error("no picture"))), { once: true });
    video.addEventListener("error", () => reject(video.error), { once: true });
    video.src = url;
  }));
}

/** Let a video show the frame of a time. What it says of an earlier seek, which came late, does not count. */
async function seeked(video, time) {
  const isWithin = (tolerance) => !video.seeking && Math.abs(video.currentTime - time) < tolerance;
  if (isWithin(1e-4)) return;
  const listening = new AbortController();
  const { signal } = listening;
  try {
    await within(new Promise((resolve, reject) => {
      video.addEventListener("seeked", () => isWithin(FRAME_S / 2) && resolve(), { signal }); // browsers may round times
      video.addEventListener("error", () => reject(video.error), { signal });
      video.currentTime = time;
    }));
  } finally {
    listening.abort();
  }
}

function within(promise) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("too late")), SEEK_MS));
  return Promise.race([promise, late]);
}

async function smaller(file) {
  const picture = await createImageBitmap(file);
  const blob = await drawn(picture, picture.width, picture.height, MAX_SIDE);
  picture.close();
  return new File([blob], file.name.replace(/\.[^.]*$/, ".png"), { type: "image/png" });
}

function drawn(picture, width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png"));
}
