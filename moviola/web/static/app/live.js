// What goes on in the cluster, kept current for all views by one stream of events.

import { get } from "./api.js";

/** Kinds of events that a gateway tells (docs/EVENTS.md): a stream's listener must name each. */
export const KINDS = [
  "job-submitted", "job-waiting", "job-started", "job-paused", "job-resumed", "job-reprioritized", "job-retried",
  "job-restarted", "job-done", "job-partial", "job-failed", "job-cancelled", "job-forgotten", "progress",
  "client-left", "source-needed", "upload-expired", "chunk-lost", "task-failed", "task-lost", "task-retried",
  "frames-fell-back", "frames-lost", "stage-too-large", "link-cost", "lease-refused", "worker-joined",
  "worker-draining", "worker-resumed", "worker-left", "worker-died", "worker-excluded", "aggregator-joined",
  "aggregator-left", "store-lost", "disconnected", "connected", "missed",
];

const MAX_JOBS = 1000; // that are kept: as many as the gateway lists at once
const READ_AGAIN_MS = 250; // events that come within this time are answered by one look
const RETRY_MS = 2000; // between two tries to reach the gateway
const POLL_MS = 2000; // between two looks at the workers' rates and loads, of which no event tells
const RATE_WINDOW_S = 10; // over which a job's rate is measured

/** The view of the cluster that all of the page shares. */
class Live {
  /** Jobs by id, as `GET /api/jobs` tells them; `rate` is of the last seconds, in units a second, or null. */
  jobs = new Map();
  /** Workers by name, as `GET /api/workers` tells them. */
  workers = new Map();
  /** How many jobs there are, beside those that are kept. */
  count = 0;
  /** Whether jobs and workers were read once. */
  isRead = false;
  /** @type {"live"|"connecting"|"away"} */
  state = "connecting";
  /** Why it is away, in a sentence. */
  reason = "";

  #listeners = { jobs: new Set(), workers: new Set(), state: new Set(), event: new Set() };
  #ofJob = new Map();
  #source = null;
  #dirty = new Set();
  #reading = null;
  #reads = Promise.resolve();
  #retry = null;
  #turn = 0;
  #poll = null;
  #samples = new Map();
  #isBegun = false;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#seen());
  }

  /**
   * Be told of changes.
   * @param {"jobs"|"workers"|"state"|"event"} what of which; a listener of `event` gets each event.
   * @param {function(*): void} listener called after each change.
   * @returns {function(): void} ends it.
   */
  on(what, listener) {
    this.#listeners[what].add(listener);
    if (what === "workers") this.#poll ??= setInterval(() => this.#pollWorkers(), POLL_MS);
    return () => {
      this.#listeners[what].delete(listener);
      if (what === "workers" && this.#listeners.workers.size === 0) this.#poll = clearInterval(this.#poll) ?? null;
    };
  }

  /**
   * Be told of the changes of one job.
   * @param {string} id the job's.
   * @param {function(Object|undefined, Object|undefined): void} listener called with its record, undefined when it is
   *   forgotten, and with the event that was the cause, where one was.
   * @returns {function(): void} ends it.
   */
  job(id, listener) {
    const listeners = this.#ofJob.get(id) ?? new Set();
    this.#ofJob.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (!listeners.size && this.#ofJob.get(id) === listeners) this.#ofJob.delete(id);
    };
  }

  /** Begin, or begin again with what another user may see. */
  start() {
    this.stop();
    this.#isBegun = true;
    this.#connect();
  }

  /** End the stream, and forget what it told. */
  stop() {
    this.#isBegun = false;
    this.#end();
    this.#samples.clear();
    this.jobs.clear();
    this.workers.clear();
    this.isRead = false;
    this.#set("connecting");
  }

  /** Hold no stream where nobody looks: a browser has six connections to a host for all of its tabs together. What was
   * told stays, and all is read again when somebody looks again. */
  #seen() {
    if (document.hidden) this.#end();
    else if (this.#isBegun && !this.#source) this.#connect();
  }

  #connect() {
    this.#retry = null;
    if (document.hidden) return;
    this.#reads = Promise.resolve(); // what was asked before may never be answered
    const source = new EventSource("/api/events");
    this.#source = source;
    source.addEventListener("open", () => this.#readAll());
    source.addEventListener("error", () => this.#lost(source));
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.#take(kind, JSON.parse(event.data)));
  }

  /** End the stream, and all looks: everything is read again with the next one. */
  #end() {
    this.#turn += 1;
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#retry);
    clearTimeout(this.#reading);
    this.#retry = this.#reading = null;
    this.#dirty.clear();
  }

  async #lost(source) {
    if (source !== this.#source) return;
    this.#end();
    const turn = this.#turn;
    if (this.state !== "away") this.#set("away", "The connection to the gateway is lost. It is called again.");
    const reason = await whyAway();
    if (turn !== this.#turn) return; // it was ended, or begun anew, or nobody looks
    if (reason === "login") return this.stop();
    this.#set("away", reason);
    this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
  }

  #take(kind, event) {
    if (kind === "disconnected") this.#set("away", "The cluster does not answer. The gateway calls it again.");
    else if (kind === "connected" || kind === "missed") this.#readAll();
    else if (kind === "progress") this.#progress(event);
    else if (kind === "job-forgotten") this.#forget(event);
    else if (event.job) this.#readSoon(event.job);
    if (event.worker) this.#readSoon("");
    this.#tell("event", event);
  }

  #progress(event) {
    const job = this.jobs.get(event.job);
    if (!job) return this.#readSoon(event.job);
    const { frames = 0, frames_wanted: wanted = null } = event;
    job.progress = { ...job.progress, frames_done: frames, frames_wanted: wanted ?? job.progress.frames_wanted };
    job.share = job.progress.frames_wanted ? Math.min(1, frames / job.progress.frames_wanted) : 0;
    job.rate = this.#rate(event.job, frames, event.time);
    if (job.state === "pending") this.#readSoon(event.job);
    this.#jobChanged(event.job, event);
  }

  #rate(id, frames, at) {
    const samples = this.#samples.get(id) ?? [];
    this.#samples.set(id, samples);
    if (samples.length && samples.at(-1).frames > frames) samples.length = 0; // it began again
    samples.push({ frames, at });
    while (samples.length > 2 && samples[0].at < at - RATE_WINDOW_S) samples.shift();
    const { frames: before, at: since } = samples[0];
    return at > since ? (frames - before) / (at - since) : null;
  }

  #forget(event) {
    this.jobs.delete(event.job);
    this.#samples.delete(event.job);
    this.#jobChanged(event.job, event);
    this.#readSoon(event.job); // an answer that is under way may bring it back
  }

  /** Look again at a job, or at the workers where `id` is empty, when a moment has passed. */
  #readSoon(id, delay_ms = READ_AGAIN_MS) {
    this.#dirty.add(id);
    this.#reading ??= setTimeout(() => this.#inTurn(() => this.#readDirty()), delay_ms);
  }

  /** Read when all that was asked before is answered, so that no older answer follows a newer one. */
  #inTurn(read) {
    const source = this.#source;
    const reading = this.#reads.then(() => source === this.#source && read());
    this.#reads = reading.catch(() => {});
    return reading;
  }

  /** Ask the gateway. Raises where the stream has ended meanwhile: the answer may be for another user. */
  async #ask(path) {
    const source = this.#source;
    try {
      return await get(path);
    } finally {
      if (source !== this.#source) throw new Error("the stream has ended"); // whatever the answer was
    }
  }

  async #readDirty() {
    const ids = [...this.#dirty];
    this.#dirty.clear();
    this.#reading = null;
    const jobs = ids.filter((id) => id);
    const reads = jobs.length > 3 ? [this.#readJobs()] : jobs.map((id) => this.#readJob(id));
    if (ids.includes("")) reads.push(this.#readWorkers());
    try {
      await settled(reads);
    } catch (problem) {
      if (problem.isPassing) for (const id of ids) this.#readSoon(id, RETRY_MS); // no event may follow
    }
  }

  async #readAll() {
    const source = this.#source;
    try {
      await this.#inTurn(() => settled([this.#readJobs(), this.#readWorkers()]));
      if (source !== this.#source) return;
      this.isRead = true;
      this.#set("live");
      this.#tell("jobs");
      this.#tell("workers");
    } catch (problem) {
      if (source !== this.#source || problem.status === 401) return;
      this.#set("away", problem.detail);
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => {
        this.#retry = null;
        if (this.#source) this.#readAll();
      }, RETRY_MS);
    }
  }

  async #readJobs() {
    const { jobs, count } = await this.#ask(`/api/jobs?limit=${MAX_JOBS}`);
    const before = this.jobs;
    this.count = count;
    this.jobs = new Map(jobs.map((job) => [job.id, { ...job, rate: before.get(job.id)?.rate ?? null }]));
    for (const id of new Set([...before.keys(), ...this.jobs.keys()])) this.#tellJob(id);
    this.#tell("jobs");
  }

  async #readJob(id) {
    try {
      const job = await this.#ask(`/api/jobs/${encodeURIComponent(id)}`);
      if (!this.jobs.has(id)) this.count += 1;
      this.jobs.set(id, { ...job, rate: job.is_over ? null : this.jobs.get(id)?.rate ?? null });
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      this.jobs.delete(id);
    }
    this.#jobChanged(id);
  }

  async #readWorkers() {
    const { workers } = await this.#ask("/api/workers");
    this.workers = new Map(workers.map((worker) => [worker.name, worker]));
    this.#tell("workers");
  }

  #pollWorkers() {
    if (!document.hidden && this.state === "live") this.#readSoon("");
  }

  #jobChanged(id, event) {
    this.#tellJob(id, event);
    this.#tell("jobs");
  }

  #tellJob(id, event) {
    for (const listener of this.#ofJob.get(id) ?? []) listener(this.jobs.get(id), event);
  }

  #set(state, reason = "") {
    if (this.state === state && this.reason === reason) return;
    this.state = state;
    this.reason = reason;
    this.#tell("state");
  }

  #tell(what, value) {
    for (const listener of [...this.#listeners[what]]) listener(value);
  }
}

/** Wait for all, then raise what one of them raised. */
async function settled(promises) {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** Return why no stream can be had: a sentence, or `login` where nobody is logged in. */
async function whyAway() {
  try {
    await get("/api/stats");
  } catch (problem) {
    return problem.status === 401 ? "login" : problem.detail;
  }
  return "The connection to the gateway is lost. It is called again.";
}

/** The one view of the cluster. */
export const live = new Live();
