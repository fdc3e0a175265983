// Files that people choose: what each is, which of them are one job, and what is refused before anything is sent.

import { size as sized } from "../parts/format.js";

/**
 * A job's worth of files.
 * @typedef {{kind: Object, files: File[], name: string, size: number}} Parcel
 */

/**
 * Sort files into what they become.
 * @param {File[]} files that were chosen.
 * @param {Object} sendable as `GET /api/kinds` tells it.
 * @returns {{parcels: Parcel[], refusals: string[]}} the jobs they become, and a sentence for each file that is refused.
 */
export function sorted(files, sendable) {
  const parcels = [];
  const refusals = [];
  const together = new Map();
  for (const file of files) {
    const { kind, refusal } = judged(file, sendable);
    if (refusal) refusals.push(refusal);
    else if (kind.grouping === "each") parcels.push({ kind, files: [file], name: file.name, size: file.size });
    else together.set(kind, [...(together.get(kind) ?? []), file]);
  }
  for (const [kind, group] of together) {
    const size = group.reduce((sum, file) => sum + file.size, 0);
    const name = group.length === 1 ? group[0].name : `${group.length} ${kind.plural}`;
    if (size > sendable.upload_limit) refusals.push(tooLarge(name, size, sendable));
    else parcels.push({ kind, files: group, name, size });
  }
  return { parcels, refusals };
}

/**
 * Say what some parcels become.
 * @param {Parcel[]} parcels that are to be sent.
 * @returns {string} such as "2 videos and 5 images: 3 jobs".
 */
export function summary(parcels) {
  const counts = new Map();
  for (const { kind, files } of parcels) counts.set(kind, (counts.get(kind) ?? 0) + files.length);
  const parts = [...counts].map(([kind, count]) => `${count} ${count === 1 ? kind.plural.replace(/s$/, "") : kind.plural}`);
  const jobs = parcels.length === 1 ? "1 job" : `${parcels.length} jobs`;
  return `${parts.join(" and ")}, ${sized(parcels.reduce((sum, { size }) => sum + size, 0))}: ${jobs}`;
}

/**
 * Take the files out of what was dropped.
 * @param {DataTransfer} dropped what was.
 * @returns {{files: File[], refusals: string[]}} the files, and a sentence for each folder.
 */
export function droppedFiles(dropped) {
  const refusals = [];
  const files = [];
  for (const item of dropped.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    const file = item.getAsFile();
    if (entry?.isDirectory) refusals.push(`${entry.name} is a folder. Drop the files in it.`);
    else if (file) files.push(file);
  }
  if (!files.length && !refusals.length) refusals.push("What was dropped is not a file. Drop a video, pictures or tables.");
  return { files, refusals };
}

/**
 * Name a file that a filter's parameter names, so that a chain and a gateway say it alike.
 * @param {string} name the file's own.
 * @param {string[]} taken the names that others have: their folders are not known, and they may be other files.
 * @returns {string} a name that none of them has.
 */
export function assetName(name, taken) {
  const safe = name.normalize("NFC").replace(/[^\p{L}\p{N}._-]|^[.-]/gu, "_");
  const end = safe.length - suffixOf(safe).length;
  const [stem, suffix] = [safe.slice(0, end), safe.slice(end)];
  const isTaken = (one) => taken.some((other) => other.toLowerCase() === one.toLowerCase());
  let made = safe;
  for (let count = 2; isTaken(made); count += 1) made = `${stem}-${count}${suffix}`;
  return made;
}

function judged(file, sendable) {
  const suffix = suffixOf(file.name);
  const known = sendable.kinds.find((kind) => kind.suffixes.includes(suffix));
  const kind = known ?? (file.type.startsWith("video/") ? sendable.kinds.find(({ name }) => name === "video") : null);
  if (!kind) {
    const named = suffix ? `A file called ${suffix}` : "A file without a suffix";
    return { refusal: `${file.name} is not taken. ${named} is not a known video, picture or table; convert it, or give it its right suffix.` };
  }
  if (!file.size) return { refusal: `${file.name} is empty. Choose a file that is not.` };
  if (file.size > sendable.upload_limit) return { refusal: tooLarge(file.name, file.size, sendable) };
  return { kind };
}

function suffixOf(name) {
  const at = name.lastIndexOf(".");
  return at > 0 ? name.slice(at).toLowerCase() : "";
}

const tooLarge = (name, size, { upload_limit: limit }) =>
  `${name} has ${sized(size)}, and this gateway takes ${sized(limit)} at most. Send it with the command line, or in parts.`;
